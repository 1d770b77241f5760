"""Forms that can say what an operation refused, at the field where it belongs."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from django import forms
from django.utils.translation import gettext

from governance.kernel.errors import Conflict, Gone, Invalid, Reason, Refusal

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


def sentence(reason: Reason) -> str:
    """Return the reason's sentence in the language of the page."""
    said = gettext(reason.message)
    return said.format(**reason.values) if reason.values else said


class Form(forms.Form):
    """A form without colons after its labels, whose operation may add errors of its own.

    ``MENDS`` are the kinds of refusal that are told on the form; the others leave it as everywhere. ``refusal`` is the last one.
    """

    MENDS: tuple[type[Refusal], ...] = (Invalid, Conflict, Gone)
    refusal: Refusal | None = None

    def __init__(self, *args: object, **kwargs: object) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed through unchanged

    def attempt(self, operation: Callable[Concatenate[T, P], R], on: T, *args: P.args, **kwargs: P.kwargs) -> R | None:
        """Run ``operation(on, ...)``; put each reason of a refusal that the form can mend on the form and return ``None``."""
        try:
            return operation(on, *args, **kwargs)
        except self.MENDS as refusal:
            self.refuse(refusal)
            return None

    def refuse(self, refusal: Refusal) -> None:
        """Show every reason of ``refusal`` and remember it: at the field that its path names, else above the form."""
        self.refusal = refusal
        for reason in refusal.reasons:
            place = (reason.path or "").strip("/")
            self.add_error(place if place in self.fields else None, sentence(reason))
