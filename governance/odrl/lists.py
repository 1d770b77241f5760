"""Lists in a term's words: what stands between commas, whatever its case."""


def listed(value: object) -> tuple[str, ...]:
    """Return the names in ``value``, in one case, sorted, each once; commas and semicolons stand between them."""
    names = (normal(name) for name in str(value or "").replace(";", ",").split(","))
    return tuple(sorted({name for name in names if name}))


def normal(name: str) -> str:
    """Return a name as lists compare it: one case, single spaces."""
    return " ".join(name.split()).casefold()


def has_fewer(old: str | int | None, new: str | int | None) -> bool | None:
    """Say whether ``new`` names fewer than ``old`` (tighter), more (wider), or others (None)."""
    before, after = set(listed(old)), set(listed(new))
    if after < before:
        return True
    return False if before < after else None
