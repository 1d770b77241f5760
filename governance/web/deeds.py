"""An agreement in words: what both sides read before they sign, on the desk, by code and on paper."""

from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from governance import agreements
from governance.models import Agreement, Signature
from governance.odrl import deed, profile
from governance.odrl.purposes import STANDARD


@dataclass(frozen=True)
class Duty:
    """One thing that the party takes on, and by when."""

    words: str
    when: str
    is_before: bool = False
    action: str = ""


def lines_of(agreement: Agreement) -> list[str]:
    """What is allowed, one sentence each."""
    purpose = _(STANDARD[agreement.purpose].title) if agreement.purpose in STANDARD else agreement.purpose
    versions = (
        _("version %(n)s to version %(m)s of %(dataset)s")
        if agreement.to_version
        else _("version %(n)s of %(dataset)s and what follows it")
    )
    named = {"n": agreement.from_version, "m": agreement.to_version, "dataset": agreement.dataset}
    lines = [
        versions % named,
        _("for “%(purpose)s”, and for nothing else") % {"purpose": purpose},
        _("money may be earned with it") if agreement.is_commercial else _("nobody earns money with it"),
        _("from %(start)s to %(end)s") % {"start": _day(agreement.starts_at), "end": _day(agreement.expires_at)},
    ]
    if agreement.place:
        lines.append(_("worked with in %(place)s only") % {"place": agreement.place})
    if agreement.users:
        lines.append(_("by these people only: %(names)s") % {"names": ", ".join(agreement.users)})
    if agreement.project:
        lines.append(_("in the project “%(project)s”") % {"project": agreement.project})
    return lines


def duties_of(agreement: Agreement) -> list[Duty]:
    """What the party takes on, in the order of the text."""
    try:
        read = deed.read(agreement.document or {})
    except (KeyError, TypeError, ValueError):
        return []
    found = [duty for rule in read.permissions for duty in rule.duties]
    return [
        Duty(_words(one.action, one.words), _when(one), one.phase == "before", one.action)
        for one in sorted(found, key=lambda one: one.phase != "before")
    ]


def law_of(agreement: Agreement) -> list[tuple[str, str]]:
    """What article 28 of the GDPR asks an agreement to say."""
    roles = {
        Agreement.Role.CONTROLLER: _("decides for itself and answers for what it does (an independent controller)"),
        Agreement.Role.PROCESSOR: _("works for the community and on its word only (a processor)"),
    }
    ends = {
        Agreement.AtEnd.DELETE: _("every copy is deleted within 30 days, and the party says so"),
        Agreement.AtEnd.RETURN: _("the data goes back to the community within 30 days, and copies are deleted"),
    }
    return [
        (_("What the party is"), roles.get(agreement.role, agreement.role)),  # type: ignore[call-overload]  # text from the row
        (_("Who else works on it"), agreement.sub_processors or _("nobody: no other company may be given it")),
        (_("At the end"), ends.get(agreement.at_end, agreement.at_end)),  # type: ignore[call-overload]
    ]


def stands(agreement: Agreement) -> tuple[str, str]:
    """How an agreement stands: a word and the kind of its pill."""
    signed = agreements.signatures_of(agreement)
    if agreement.ended_at:
        return _("ended"), "hold"
    if agreement.is_over:
        return _("ran out"), "hold"
    if agreement.in_force_at:
        return _("in force"), "good"
    if Signature.Side.COMMUNITY in signed:
        return _("waits for their signature"), "note"
    if Signature.Side.PARTY in signed:
        return _("waits for our signature"), "note"
    return _("nobody has signed"), "note"


def _words(action: str, words: str) -> str:
    own = {
        deed.ACKNOWLEDGE: _("say that you know of a withdrawal and what you did"),
        deed.DELETE: _("delete copies"),
        deed.RETURN: _("give the data back"),
    }
    if action == deed.MORE:
        return words
    said = own.get(action) or _(profile.DUTIES.get(action, action))
    return f"{said}: {words}" if words else said


def _when(duty: deed.Duty) -> str:
    event = deed.event_of(duty)
    days = {"days": duty.days}
    if duty.phase == "before":
        return _("before the first pull; somebody of the community looks at the paper")
    if event == deed.ENDED:
        return _("within %(days)s days after it ends") % days
    if event:
        return _("within %(days)s days after something was taken back") % days
    if duty.action == deed.CHECK:
        return _("at least every %(days)s days") % days
    return _("within %(days)s days") % days if duty.days else _("as long as it is used")


def _day(at: object) -> str:
    return date_format(at, "j F Y")  # type: ignore[arg-type]  # a moment
