"""Codes in words: purposes, kinds of organisation, agreements, withdrawals."""

from django import template
from django.utils.translation import gettext

from governance import agreements, grants, withdrawals
from governance.kernel.errors import Reason
from governance.models import Agreement, Withdrawal
from governance.odrl import profile
from governance.odrl.purposes import STANDARD
from governance.web.forms import sentence

register = template.Library()


@register.filter
def purpose_words(code: str) -> str:
    """Return a purpose in words."""
    return gettext(STANDARD[code].title) if code in STANDARD else code


@register.filter
def organisation_words(kind: str) -> str:
    """Return a kind of organisation in words."""
    return gettext(profile.ORGANISATIONS.get(kind, kind))


@register.filter
def agreement_name(agreement: Agreement) -> str:
    """Return how people call an agreement."""
    return agreements.name_of(agreement)


@register.filter
def agreement_words(agreement: Agreement) -> str:
    """Return an agreement in one line: with whom, for what, its name."""
    return f"{agreement.party}, {purpose_words(agreement.purpose)}, {agreements.name_of(agreement)}"


@register.filter
def said(reason: Reason) -> str:
    """Return a reason's sentence in the language of the page."""
    return sentence(reason)


@register.filter
def rests_because(code: str) -> str:
    """Return why a grant rests."""
    words = {
        grants.BY_STEWARD: gettext("Somebody of the community let it rest"),
        grants.KEY_LOST: gettext("Their key fell into other hands"),
    }
    return words.get(code, gettext("Something that was promised is overdue"))


@register.filter
def withdrawal_name(withdrawal: Withdrawal) -> str:
    """Return how people call a withdrawal."""
    return withdrawals.name_of(withdrawal)
