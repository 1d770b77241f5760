"""Compare-and-set: the only way in which a status or a lease changes.

A machine's progress is a status; it moves from a known state to the next in one UPDATE that names the state it leaves. Two
workers that try the same move therefore cannot both succeed. Which moves exist is one table beside the model (``MOVES``).
"""

from collections.abc import Mapping
from typing import Any, Protocol

from governance.kernel.errors import Conflict
from governance.kernel.words import _

Moves = Mapping[str, frozenset[str]]


class Row(Protocol):
    """A saved model instance whose class names its allowed moves: state -> states it may be left for."""

    @property
    def pk(self) -> Any: ...


def move(
    row: Row, to: str, *, field: str = "status", where: Mapping[str, object] | None = None, **changes: object
) -> bool:
    """Move ``row`` to state ``to`` if the table allows it from the state in the database; say whether this call did it.

    ``where`` narrows the UPDATE further (an attempt number, a digest); ``changes`` are written in the same UPDATE. The instance
    is brought up to date when the move happened and left alone otherwise.
    """
    model = type(row)
    moves: Moves = model.MOVES  # type: ignore[attr-defined]  # every moving model has the table; a rule test holds them to it
    sources = [state for state, targets in moves.items() if to in targets]
    found = model._default_manager.filter(pk=row.pk, **{f"{field}__in": sources}, **(where or {}))  # type: ignore[attr-defined]
    done = found.update(**{field: to}, **changes) == 1
    if done:
        for name, value in {field: to, **changes}.items():
            setattr(row, name, value)
    return done


def must_move(
    row: Row, to: str, *, field: str = "status", where: Mapping[str, object] | None = None, **changes: object
) -> None:
    """Like :func:`move`, but raises ``Conflict`` (``moved-on``) when somebody else was faster or the state forbids it."""
    if not move(row, to, field=field, where=where, **changes):
        raise Conflict(
            "moved-on", _("This changed while you were looking at it. Open it again to see how it stands now.")
        )
