"""What the top floor holds; one module a subject."""

from curation.models.checks import CheckRun, Finding, Override
from curation.models.delivery import Build, BuiltFile, Gathered, Pull, PullFile, Shard, Takedown, Tombstone
from curation.models.handover import Arrival, HandOver
from curation.models.versions import Freeze, LedgerEntry, LeftOut, Member, Split, Version, VersionContributor
from curation.models.withdrawals import (
    Delivery,
    Erasure,
    Notice,
    Receipt,
    RevocationEntry,
    RevocationList,
    Succession,
)

__all__ = [
    "Arrival",
    "Build",
    "BuiltFile",
    "CheckRun",
    "Delivery",
    "Erasure",
    "Finding",
    "Freeze",
    "Gathered",
    "HandOver",
    "LedgerEntry",
    "LeftOut",
    "Member",
    "Notice",
    "Override",
    "Pull",
    "PullFile",
    "Receipt",
    "RevocationEntry",
    "RevocationList",
    "Shard",
    "Split",
    "Succession",
    "Takedown",
    "Tombstone",
    "Version",
    "VersionContributor",
]
