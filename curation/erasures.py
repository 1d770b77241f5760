"""Erasure (to be filled)."""

from curation.models import Erasure
from governance.kernel.jobs import Claim


def run(row: Erasure, claim: Claim) -> None:
    """Nothing yet."""
