"""What a vote on a version is bound to: one root over its frozen members.

The leaf of a member is the canonical JSON of ``[sample id, content hash, label, split]``, the label as a JSON value; leaves
stand in the order of sample ids (lower-case hex, so the order is the same in every database). The root is that of RFC 9162.
Whoever proposes writes it down, whoever votes votes on it, and a build that computes another refuses.
"""

import json
from collections.abc import Iterable

from governance.kernel.digests import canonical, root_of

MemberRow = tuple[str, str, str, str]


def leaf(row: MemberRow) -> bytes:
    """Return the leaf of one member: ``row`` is sample id, content hash, label as JSON text, split."""
    uid, content_hash, label, split = row
    return canonical([uid, content_hash, json.loads(label), split])


def members_root(rows: Iterable[MemberRow]) -> str:
    """Return the root, in hex, over rows in order of sample id."""
    return root_of(map(leaf, rows))
