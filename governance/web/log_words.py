"""The log in words: one sentence for each verb, with what its details tell.

A sentence names ``{who}`` and any of the event's details that stand for themselves. Verbs whose actor the community need not
know (who flagged, who took back) say "somebody" to everyone but keepers.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from governance.kernel.digests import leaf_hash, sha256
from governance.models import Event, Leaf, Person
from governance.odrl.purposes import STANDARD

SENTENCES: Mapping[str, str] = {
    "community.found": _("{who} founded the community"),
    "community.change": _("{who} changed what the community says about itself"),
    "invitation.create": _("{who} invited somebody"),
    "invitation.revoke": _("{who} took an invitation back"),
    "invitation.accept": _("Somebody came with an invitation"),
    "membership.grant": _("{who} gave {person} a role: {role}"),
    "membership.end": _("{who} ended a role of {person}: {role}"),
    "membership.leave": _("{who} left"),
    "recovery.issue": _("{who} made a code for a new password"),
    "recovery.second": _("{who} agreed to a new password"),
    "recovery.use": _("Somebody set a new password with a code"),
    "person.change": _("{who} changed their own account"),
    "person.erase": _("Somebody erased their account"),
    "dataset.register": _("{who} registered a dataset: {slug}"),
    "dataset.change": _("{who} changed what a dataset is called"),
    "import.start": _("{who} began to bring a file in"),
    "import.chunk": _("Part of a file came in"),
    "import.finish": _("A file was brought in"),
    "contributor.add": _("{who} wrote down who gives samples"),
    "contributor.link": _("{who} linked a teller with an account"),
    "notice.publish": _("{who} published the words people are asked with"),
    "consent.record": _("A consent was recorded"),
    "receipt.issue": _("{who} gave out a consent receipt"),
    "withdrawal.open": _("{who} took words back; they were held in the same step"),
    "withdrawal.close": _("{who} answered a withdrawal: {outcome}"),
    "sample.protect": _("{who} changed who may see some samples"),
    "group.found": _("{who} founded a group"),
    "group.admit": _("{who} changed who is in a group"),
    "group.release": _("{who} changed who is in a group"),
    "group.season": _("{who} changed when a group is open"),
    "breakglass.ask": _("{who} asked that {person} may look at what is not for them"),
    "breakglass.second": _("{who} agreed: {person} may look at what is not for them, for some hours"),
    "breakglass.see": _("{who} looked at a sample that is not for them, with two keepers' leave"),
    "breakglass.end": _("{who} ended that somebody may look at what is not for them"),
    "policy.revise": _("{who} put revision {number} of the rules into force"),
    "policy.revise-own": _("Somebody made rules for their own words"),
    "proposal.open": _("{who} asked the community to vote"),
    "proposal.close": _("A vote ended: {tally}"),
    "ballot.cast": _("{who} voted: {choice}"),
    "hold.place": _("Something was laid to rest"),
    "hold.lift": _("{who} lifted a hold"),
    "party.add": _("{who} wrote down a party that may ask"),
    "agreement.sign": _("{who} signed an agreement: {purpose}"),
    "agreement.end": _("{who} ended an agreement"),
    "agreement.restore": _("{who} undid the end of an agreement"),
    "token.issue": _("{who} made a token"),
    "token.revoke": _("{who} ended a token"),
    "token.restore": _("{who} undid the end of a token"),
    "campaign.create": _("{who} prepared a campaign"),
    "campaign.open": _("{who} opened a campaign"),
    "campaign.ready": _("A campaign's tasks were laid out"),
    "campaign.pause": _("{who} paused a campaign"),
    "campaign.close": _("{who} closed a campaign"),
    "annotation.submit": _("{who} answered a task"),
    "annotation.undo": _("{who} took an answer back"),
    "annotation.skip": _("{who} skipped a task"),
    "annotation.review": _("{who} reviewed an answer"),
    "flag.raise": _("{who} flagged a sample"),
    "flag.resolve": _("{who} decided a flag: {verdict}"),
    "check.run": _("{who} had the data checked"),
    "check.finish": _("The checks ended"),
    "version.propose": _("{who} proposed version {number}"),
    "version.freeze": _("The samples of a version were frozen"),
    "version.override": _("{who} let a finding stand, with a reason"),
    "version.approve": _("{who} answered about a version"),
    "version.reject": _("Version {number} was rejected"),
    "version.publish": _("A version was built and can be pulled"),
    "version.withdraw": _("Version {number} was withdrawn"),
    "takedown.open": _("{who} opened a case against a version; it is closed meanwhile"),
    "takedown.close": _("{who} decided a case against a version"),
    "takedown.ask": _("Somebody without a name asked for a case against a version; nothing is closed yet"),
    "revocation.append": _("The withdrawal list of a dataset has one more entry"),
    "notice.open": _("A party that pulled is to be told"),
    "notice.remind": _("{who} wrote to a party once more"),
    "receipt.take": _("A party answered what became of its copies"),
    "sample.erase": _("What was taken back was erased here"),
    "pull.permit": _("It was decided that a party may have a version, for: {purpose}"),
    "pull.refuse": _("A party was refused a version, for: {purpose}"),
    "pull.open": _("A party asked for a version: {outcome}"),
    "pull.close": _("A pull ended: {files} files"),
    "witness.add": _("{who} named a witness for the log"),
    "witness.end": _("{who} ended what a witness may say of the log"),
    "key.change": _("The key of this house was changed"),
}

VARIANTS: Mapping[tuple[str, str], str] = {
    ("withdrawal.open", "form"): _("Somebody without a name asked to take words back; nothing rests yet"),
    ("pull.open", "permit"): _("A party opened version files, for: {purpose}"),
    ("key.change", "lost"): _("The key of this house was lost, and a new one put in its place"),
    ("pull.open", "deny"): _("A party was refused a version, for: {purpose}"),
}
"""(verb, channel or outcome) -> what is said instead."""

GROUPS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "people": (_("People"), ("community.", "invitation.", "membership.", "recovery.", "person.")),
    "data": (
        _("Samples and consent"),
        ("dataset.", "import.", "contributor.", "notice.", "consent.", "receipt.", "sample.", "group.", "breakglass."),
    ),
    "withdrawals": (
        _("Taken back and held"),
        ("withdrawal.", "hold.", "takedown.", "revocation.", "notice.open", "notice.remind", "receipt.take"),
    ),
    "rules": (_("Rules and votes"), ("policy.", "proposal.", "ballot.")),
    "access": (_("Agreements, tokens and pulls"), ("party.", "agreement.", "token.", "pull.")),
    "work": (_("Tasks, reviews and flags"), ("campaign.", "annotation.", "flag.")),
    "versions": (_("Checks and versions"), ("check.", "version.")),
    "log": (_("The log itself"), ("witness.", "key.")),
}
"""Key -> words and the beginnings of the verbs."""

QUIET = frozenset(
    {
        "flag.raise",
        "withdrawal.open",
        "annotation.submit",
        "annotation.skip",
        "annotation.undo",
        "hold.place",
        "group.admit",
        "group.release",
        "group.season",
    }
)

WORDS: Mapping[str, str] = {
    "permit": _("permitted"),
    "deny": _("refused"),
    "passed": _("passed"),
    "rejected": _("not passed"),
    "vetoed": _("stopped by a veto"),
    "void": _("void, since what it was about changed"),
    "yes": _("yes"),
    "no": _("no"),
    "abstain": _("abstained"),
    "veto": _("veto"),
}


@dataclass(frozen=True)
class Line:
    """One line of the log as it is shown; ``number`` is its leaf, counted from 0, or None while it is not sealed."""

    event: Event
    at: datetime
    sentence: str
    more: list[str] = field(default_factory=list)
    number: int | None = None
    sealed: str = ""
    decision: str = ""
    is_as_written: bool = True


def lines(events: Iterable[Event], *, sees_names: bool) -> list[Line]:
    """Say each event; three queries for a page."""
    rows = list(events)
    told = {event.pk: _details(event) for event in rows}
    leaves = {leaf.event_id: leaf for leaf in Leaf.objects.filter(event__in=[event.pk for event in rows])}
    people = _people(rows, told.values())
    return [_line(event, told[event.pk], leaves.get(event.pk), people, sees_names) for event in rows]


def group_filter(key: str) -> tuple[str, ...]:
    """The beginnings of the verbs of a group; empty for everything."""
    return GROUPS[key][1] if key in GROUPS else ()


def _line(
    event: Event, told: Mapping[str, object], leaf: Leaf | None, people: Mapping[str, str], sees_names: bool
) -> Line:
    values: dict[str, object] = dict.fromkeys(("person", "role", "slug", "number", "choice", "purpose"), "–")
    values |= dict.fromkeys(("outcome", "verdict", "tally", "files"), "–")
    for name, value in told.items():
        values[name] = _value(name, value, people)
    hidden = event.verb in QUIET and not sees_names
    values["who"] = gettext("Somebody") if hidden else _who(event.actor, people)
    variant = VARIANTS.get(
        (event.verb, str(told.get("channel") or told.get("outcome") or ("lost" if told.get("lost") else "")))
    )
    sentence = gettext(variant or SENTENCES.get(event.verb, event.verb)).format(**values)
    body = event.body.encode()
    as_written = sha256(body) == event.hash and (leaf is None or leaf_hash(body).hex() == leaf.hash)
    decision = told.get("decision")
    return Line(
        event=event,
        at=event.at,
        sentence=sentence,
        number=leaf.index if leaf else None,
        sealed=leaf.hash if leaf else "",
        decision=decision if isinstance(decision, str) else "",
        is_as_written=as_written,
    )


def _details(event: Event) -> dict[str, object]:
    try:
        told = json.loads(event.body)["details"]
    except (ValueError, KeyError, TypeError):
        return {}
    return told if isinstance(told, dict) else {}


def _people(rows: Iterable[Event], told: Iterable[Mapping[str, object]]) -> dict[str, str]:
    refs = {event.actor for event in rows} | {str(details.get("person", "")) for details in told}
    ids = [ref.removeprefix("person:") for ref in refs if ref.startswith("person:")]
    return {person.ref: str(person) for person in Person.objects.filter(pseudonym__in=ids)}


def _who(ref: str, people: Mapping[str, str]) -> str:
    kind, _sep, _name = ref.partition(":")
    if kind == "machine":
        return gettext("The machine")
    if kind == "receipt":
        return gettext("Somebody with a consent receipt")
    return people.get(ref, gettext("Somebody from outside"))


def _value(name: str, value: object, people: Mapping[str, str]) -> str:
    if name == "person":
        return people.get(str(value), gettext("somebody"))
    if name == "purpose" and value in STANDARD:
        return gettext(STANDARD[str(value)].title)
    if name == "tally" and isinstance(value, dict):
        value = value.get("outcome", "")
    return gettext(WORDS[str(value)]) if str(value) in WORDS else str(value)
