"""Changing a charter: checked, told what it would mean, decided under its own rule, and kept as a revision for ever.

What a charter may say is in ``governance.charter``. While there is one keeper and the charter itself does not write a rule for
its change, that keeper changes it alone; from the second keeper on it is a vote. What the community says at its door
(``welcome``) is no rule and stays out of all this.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from governance import charter, communities, votes
from governance.acts import act, record
from governance.charter import OPTIONAL, RULES, Rule
from governance.kernel.digests import digest
from governance.kernel.errors import Conflict, Invalid, Reason
from governance.kernel.words import _
from governance.models import CharterRevision, Community, Membership, Person, Proposal
from governance.roles import Machine, require

KIND = "charter"
TEXT_LENGTH = 20_000
KEYS = ("text", "rules", "groups", "both")
NAMES = (*RULES, *OPTIONAL)


@dataclass(frozen=True)
class Effect:
    """What a rule would mean today: how many could answer, how many yes it takes, and whether those could be reached.

    ``could`` leaves out one person who may answer, since somebody proposes.
    """

    name: str
    is_asked: bool
    eligible: int
    could: int
    needed: int

    @property
    def is_reachable(self) -> bool:
        """Whether it could pass today."""
        return not self.is_asked or self.could >= self.needed


def body_of(community: Community) -> dict[str, object]:
    """The charter in force, without what is said at the door."""
    held = community.charter if isinstance(community.charter, dict) else {}
    return {key: held[key] for key in KEYS if held.get(key)}


def number_of(community: Community) -> int:
    """The number of the charter in force; 1 for the one that it began with."""
    newest = community.charters.order_by("-number").first()
    return newest.number if newest else 1


def change(
    community: Community, *, body: Mapping[str, object], by: Person, note: str = "", over: int | None = None
) -> CharterRevision | Proposal:
    """Put a new charter into force where one keeper may act alone, else propose it.

    ``over`` is the number of the charter that the writer looked at. Raises ``Invalid`` with every reason (``rule-unusable``,
    ``rule-unreachable``, ``group-unusable``, ``charter-unreadable``) and ``Conflict`` (``charter-moved-on``,
    ``charter-unchanged``).
    """
    wanted = read(community, body)
    number = number_of(community)
    if over is not None and over != number:
        raise _moved_on()
    if wanted == body_of(community):
        raise Conflict("charter-unchanged", _("This is the charter that is in force already."))
    if is_voted_on(community):
        require(by, "charter.change", community)
        terms: dict[str, object] = {"body": wanted, "note": note.strip(), "over": number}
        return votes.propose(
            community=community,
            subject=(KIND, community.public_id, digest(terms)),
            title=_("A new charter"),
            rule_name=KIND,
            by=by,
            terms=terms,
        )
    with act(by, "charter.change", on=community) as details:
        made = _put(community, wanted, note, number, by)
        details |= {"object": made, "number": made.number, "digest": made.digest}
    return made


def is_voted_on(community: Community) -> bool:
    """Say whether a change of the charter is a vote now."""
    return KIND in charter.written(community) or communities.keepers(community).count() >= 2


@votes.when_passed(KIND)
def settle(proposal: Proposal) -> None:
    """Put a charter into force that was voted for; a refusal (it moved on) makes the vote void."""
    terms, community = proposal.terms, proposal.community
    made = _put(community, terms["body"], terms["note"], terms["over"], proposal.proposed_by, proposal)
    details: dict[str, object] = {"number": made.number, "digest": made.digest, "proposal": proposal.public_id}
    record(Machine("votes"), "charter.change", made, details)


def _put(
    community: Community,
    body: Mapping[str, object],
    note: str,
    over: int,
    by: Person,
    proposal: Proposal | None = None,
) -> CharterRevision:
    locked = Community.objects.select_for_update().get(pk=community.pk)
    if number_of(locked) != over:
        raise _moved_on()
    before = body_of(locked)
    if not locked.charters.exists():
        CharterRevision.objects.create(community=locked, number=1, body=before, digest=digest(before))
    try:
        with transaction.atomic():
            made = CharterRevision.objects.create(
                community=locked,
                number=over + 1,
                body=dict(body),
                digest=digest(body),
                note=note.strip(),
                proposal=proposal,
                created_by=by,
            )
    except IntegrityError as error:
        raise _moved_on() from error
    kept = {key: value for key, value in locked.charter.items() if key not in KEYS}
    community.charter = {**kept, **body}
    community.save(update_fields=["charter"])
    return made


def _moved_on() -> Conflict:
    return Conflict(
        "charter-moved-on",
        _("Somebody changed the charter while you were writing. Look at theirs, then write yours again."),
    )


def read(community: Community, body: Mapping[str, object]) -> dict[str, object]:
    """Return a charter in its one form: what says the same as the default is left out; raises ``Invalid`` with every reason."""
    reasons: list[Reason] = []
    text, rules, groups, both = (body.get(key) for key in KEYS)
    if set(body) - set(KEYS) or not isinstance(rules or {}, dict) or not isinstance(text or "", str):
        said = _("This charter cannot be read: a part of it is missing or of the wrong kind.")
        raise Invalid("charter-unreadable", reasons=[Reason("charter-unreadable", said)])
    found: dict[str, object] = {}
    words = str(text or "").strip()
    if words:
        found["text"] = words
    if len(words) > TEXT_LENGTH:
        reasons.append(Reason("charter-unreadable", _("The text is longer than 20,000 characters."), "text"))
    kept = {}
    for name, rule in rules.items() if isinstance(rules, dict) else ():
        known = isinstance(rule, dict) and name in NAMES and set(rule) <= set(charter.DEFAULT)
        if not known:
            reasons.append(
                Reason("rule-unusable", _("This kind of decision, or a part of its rule, is not known."), str(name))
            )
            continue
        standard = {**charter.DEFAULT, **RULES.get(str(name), {})}
        own = {key: value for key, value in rule.items() if value != standard[key]}
        try:
            charter.check_rule({**standard, **own}, path=str(name))
        except Invalid as refusal:
            reasons += refusal.reasons
        if own or name in OPTIONAL:
            kept[str(name)] = own
    if kept:
        found["rules"] = kept
    reasons += list(_group_reasons(community, groups))
    if groups and isinstance(groups, dict):
        found["groups"] = {str(name): sorted(set(charter.texts(people))) for name, people in groups.items()}
    if both is True:
        found["both"] = True
    elif both:
        named = set(charter.texts(both))
        held = set(community.datasets.filter(public_id__in=named).values_list("public_id", flat=True))
        if named - held:
            reasons.append(Reason("charter-unreadable", _("One of these datasets is not held here."), "both"))
        found["both"] = sorted(held)
    if not reasons:
        reasons += [
            Reason(
                "rule-unreachable",
                _("Nobody could pass this today: it takes {needed} yes, and {could} could say it."),
                effect.name,
                values={"needed": effect.needed, "could": effect.could},
            )
            for effect in effects(community, found)
            if not effect.is_reachable and effect.name == KIND
        ]
    if reasons:
        raise Invalid(reasons[0].code, _("This charter cannot be put into force yet."), reasons=reasons)
    return found


def _group_reasons(community: Community, groups: object) -> Iterator[Reason]:
    if not groups:
        return
    if not isinstance(groups, dict) or not all(isinstance(people, list) for people in groups.values()):
        yield Reason("group-unusable", _("Each group has a name and people."), "groups")
        return
    named = {one for people in groups.values() for one in charter.texts(people)}
    members = Membership.objects.current().filter(community=community, person__public_id__in=named)
    known = set(members.values_list("person__public_id", flat=True))
    if named - known or not all(str(name).strip() for name in groups):
        yield Reason("group-unusable", _("A group has a name, and everybody in it is a member here."), "groups")


def effects(community: Community, body: Mapping[str, object]) -> list[Effect]:
    """What each rule of ``body`` would mean today."""
    trial = Community(pk=community.pk, charter=dict(body))
    found = []
    for name in NAMES:
        rule = charter.rule_of(trial, name)
        eligible = len(charter.texts(votes.electorate_now(trial, rule)["who"]))
        could = eligible if rule["proposer_counts"] else max(0, eligible - 1)
        is_asked = charter.is_asked(trial, name)
        if name == KIND and name not in charter.written(trial):
            # Without a rule of its own a single keeper acts alone.
            is_asked = communities.keepers(community).count() >= 2
        found.append(Effect(name, is_asked, eligible, could, needed(rule, eligible)))
    return found


def needed(rule: Rule, eligible: int) -> int:
    """How many yes a rule takes with so many who may answer."""
    share, threshold = rule.get("share"), rule.get("threshold")
    if isinstance(share, (int, float)):
        return max(1, math.ceil(round(share * eligible, 9)))
    return threshold if isinstance(threshold, int) else 1
