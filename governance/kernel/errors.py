"""The kinds of refusal, and the reasons they carry.

Everything that Wellhouse declines to do is one of six kinds. A refusal holds *all* its reasons at once, each with a stable
``code`` (which has a page under ``docs/problems/``) and a sentence for a person that says what happened and what to do next.
There is no HTTP here: ``curation.config.problems`` is the only table from kind to status.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reason:
    """One reason for a refusal: a stable code, a sentence, and where in the input it lies.

    ``path`` is a JSON pointer or a field name; ``line`` counts from 1; ``values`` fill the sentence's ``{names}`` after
    translation at the edge.
    """

    code: str
    message: str
    path: str | None = None
    line: int | None = None
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format(**self.values) if self.values else self.message


class Refusal(Exception):
    """Something that was declined, with every reason."""

    def __init__(self, code: str, message: str = "", *, reasons: Iterable[Reason] = (), **values: object) -> None:
        given = tuple(reasons)
        self.reasons: tuple[Reason, ...] = given or (Reason(code, message, values=values),)
        self.code = code
        self.message = message.format(**values) if values and message else message or str(self.reasons[0])
        super().__init__(self.message)

    def __str__(self) -> str:
        said = [str(reason) for reason in self.reasons]
        return self.message if said == [self.message] else " ".join((self.message, *said))


class NotAllowed(Refusal):
    """The person may know about the thing but may not do this with it."""


class Missing(Refusal):
    """The thing does not exist for this person: absent, or restricted, and nobody can tell which."""


class Conflict(Refusal):
    """Somebody else was faster, or the thing is not in a state in which this can be done."""


class Invalid(Refusal):
    """The input cannot be used; each reason names its field, path or line."""


class Gone(Refusal):
    """The thing existed and was withdrawn; ``values`` may name its successor."""

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        reasons: Iterable[Reason] = (),
        successor: str | None = None,
        **values: object,
    ) -> None:
        super().__init__(code, message, reasons=reasons, **values)
        self.successor = successor


class Unavailable(Refusal):
    """Cannot be done at this moment; ``retry_after`` is in seconds."""

    def __init__(
        self,
        code: str,
        message: str = "",
        *,
        reasons: Iterable[Reason] = (),
        retry_after: int = 5,
        **values: object,
    ) -> None:
        super().__init__(code, message, reasons=reasons, **values)
        self.retry_after = retry_after
