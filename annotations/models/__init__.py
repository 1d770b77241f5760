"""What the middle floor holds; one module a subject."""

from annotations.models.opinions import Annotation, Flag, Resolution, Review
from annotations.models.work import Campaign, Lease, Opening, QueueMark, QueueSlot, Task

__all__ = [
    "Annotation",
    "Campaign",
    "Flag",
    "Lease",
    "Opening",
    "QueueMark",
    "QueueSlot",
    "Resolution",
    "Review",
    "Task",
]
