"""What the top floor holds; one module a subject."""

from curation.models.checks import CheckRun, Finding, Override
from curation.models.delivery import Build, BuiltFile, Pull, PullFile, Shard, Takedown, Tombstone
from curation.models.versions import Freeze, LedgerEntry, LeftOut, Member, Split, Version, VersionContributor

__all__ = [
    "Build",
    "BuiltFile",
    "CheckRun",
    "Finding",
    "Freeze",
    "LedgerEntry",
    "LeftOut",
    "Member",
    "Override",
    "Pull",
    "PullFile",
    "Shard",
    "Split",
    "Takedown",
    "Tombstone",
    "Version",
    "VersionContributor",
]
