"""Erasure on this floor: what people wrote about an erased sample may repeat it, so their answers are emptied.

Who answered, when, and which label was counted stays: it is no content of the sample.
"""

from django.db.models import QuerySet

from annotations.models import Annotation
from governance.models import Sample


def empty(samples: QuerySet[Sample]) -> int:
    """Take the results out of all answers about ``samples``, in the caller's transaction; return how many."""
    return Annotation.objects.filter(sample__in=samples.values("pk")).update(result=[])
