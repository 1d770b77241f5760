"""Codes that a person can read aloud, write on a card and type on a phone: sixteen signs in four groups.

The alphabet is Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O or U, and reading O as 0 and I or L as 1 is
forgiven. Sixteen signs are 80 random bits, so a plain SHA-256 is enough to keep: there is nothing to guess from.
"""

import re
import secrets

from governance.kernel.digests import sha256

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
GROUPS, GROUP = 4, 4

_READ_AS = str.maketrans("OIL", "011")
_NOISE = re.compile(r"[^0-9A-Z]")


def new_code() -> str:
    """Return a new code such as ``K7QM-2VTX-9KCR-4H2B``."""
    signs = "".join(secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP))
    return "-".join(signs[i : i + GROUP] for i in range(0, len(signs), GROUP))


def hash_code(code: str) -> str:
    """Return what is kept of a code, 64 hex digits; spaces, hyphens, case and look-alike signs make no difference."""
    return sha256(_NOISE.sub("", code.upper()).translate(_READ_AS).encode())
