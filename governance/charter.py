"""What a charter says about deciding: the rule for each kind of decision, in a form that can be checked and counted by.

``charter["rules"][name]`` holds any of these keys; what is left out comes from ``RULES`` and ``DEFAULT``:

``who``
    the roles that may answer.
``threshold`` or ``share``
    how many yes: a number, or a part (over 0, at most 1) of those who may still answer.
``no_objection``
    nobody may object: at the end of ``min_open_hours`` it passes if no "no" stands *and* the yes above were said.
``min_distinct_groups``
    from how many of the community's own groups the yes must come; ``charter["groups"]`` names who is in which.
``veto``, ``veto_hours``
    roles that may stop it, and how long the yes must have held before it takes force.
``proposer_counts``, ``proposer_stays``
    whether the proposer's own answer counts; whether it falls when they no longer hold a role that may answer.
``min_open_hours``, ``max_open_hours``
    it cannot be decided before; then it ends.
``proxies``
    how many voices besides their own one person may carry; 0: none.
``secret``
    only who answered is seen until it closes, and how many said what afterwards.
``reasons``
    a no, an abstention and a veto say why.

Everything else in a charter is the community's own text (``text``), what it says at the door (``welcome``), its groups, and for
which datasets it asks for a collective yes beside each person's own (``both``).
"""

from collections.abc import Iterator, Mapping

from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.models import Community, Membership

Rule = Mapping[str, object]

RULES: Mapping[str, Rule] = {
    "version": {"who": ["keeper", "steward"], "threshold": 1, "reasons": True},
    "role": {"who": ["keeper"], "threshold": 1, "proposer_stays": True},
    "recovery": {"who": ["keeper"], "threshold": 1},
    "charter": {"who": ["keeper"], "threshold": 1, "proposer_stays": True},
    "collective": {"who": ["keeper", "authority"], "threshold": 1},
    "hand-over": {"who": ["keeper"], "threshold": 1, "proposer_stays": True},
}
"""What counts where a charter says nothing; for these names a vote is always asked. A role, the charter and
a hand-over need a second keeper: the one who proposes and one who says yes.
"""

OPTIONAL = ("policy", "agreement", "takedown", "break-glass")
"""Names of decisions that a charter may ask a vote for, and by itself does not."""

DEFAULT: Rule = {
    "who": ["keeper"],
    "threshold": 1,
    "share": None,
    "no_objection": False,
    "min_distinct_groups": None,
    "veto": [],
    "veto_hours": 0,
    "proposer_counts": False,
    "proposer_stays": False,
    "min_open_hours": 0,
    "max_open_hours": None,
    "proxies": 0,
    "secret": False,
    "reasons": False,
}

LONGEST_HOURS = 24 * 366


def written(community: Community) -> Mapping[str, object]:
    """The rules that the charter itself writes, by name; what cannot be read as such counts as none."""
    rules = community.charter.get("rules") if isinstance(community.charter, dict) else None
    return rules if isinstance(rules, dict) else {}


def rule_of(community: Community, name: str) -> dict[str, object]:
    """The rule that the charter, or else the default, gives to decisions of this name."""
    own = written(community).get(name)
    return {**DEFAULT, **RULES.get(name, {}), **(own if isinstance(own, dict) else {}), "name": name}


def is_asked(community: Community, name: str) -> bool:
    """Say whether decisions of this name (``policy``, ``agreement``, ``takedown``, ...) need a vote in this community.

    The charter asks by giving them a rule; for the names in ``RULES`` it always asks.
    """
    return name in RULES or name in written(community)


def groups_of(community: Community) -> dict[str, list[str]]:
    """The community's own groups for votes: name -> public ids of people, sorted."""
    groups = community.charter.get("groups") if isinstance(community.charter, dict) else None
    return {str(name): sorted(texts(people)) for name, people in groups.items()} if isinstance(groups, dict) else {}


def check_rule(rule: Rule, path: str = "rules") -> None:
    """Raise ``Invalid`` (``rule-unusable``), with every reason, for a rule under which nothing sensible could be decided."""
    reasons = list(_why_unusable(rule, path))
    if reasons:
        said = _("The charter's rule for this vote cannot be used. A keeper can mend it.")
        raise Invalid("rule-unusable", said, reasons=reasons)


def texts(value: object) -> list[str]:
    """A list of texts, or none where it is no list."""
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else []


def hours(rule: Rule, key: str) -> float:
    """A number of hours in a rule; 0 where none is said."""
    value = rule.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0


def _why_unusable(rule: Rule, path: str) -> Iterator[Reason]:
    roles = set(Membership.Role.values)
    who, veto = texts(rule.get("who")), texts(rule.get("veto"))

    def reason(message: str, key: str) -> Reason:
        return Reason("rule-unusable", message, f"{path}/{key}")

    if not who or not set(who) <= roles:
        yield reason(_("Say whose answers count: at least one role that exists."), "who")
    if not set(veto) <= roles:
        yield reason(_("A veto belongs to a role that exists."), "veto")
    if not _is_count(rule.get("threshold")):
        yield reason(_("At least one yes is needed: silence is never a yes."), "threshold")
    share = rule.get("share")
    if share is not None and not (_is_number(share) and 0 < float(str(share)) <= 1):
        yield reason(_("A share is over 0 and at most 1 (half is 0.5)."), "share")
    for key in ("min_open_hours", "max_open_hours", "veto_hours"):
        value = rule.get(key)
        if value is not None and not (_is_number(value) and 0 <= float(str(value)) <= LONGEST_HOURS):
            yield reason(_("A time is a number of hours, at most a year."), key)
            return
    least, most = hours(rule, "min_open_hours"), hours(rule, "max_open_hours")
    if most and most < least:
        yield reason(_("It would end before it may be decided."), "max_open_hours")
    if rule.get("no_objection") and not least:
        yield reason(
            _("Where nobody may object, everybody needs time to: say for how many hours it is open."), "min_open_hours"
        )
    if rule.get("veto_hours") and not veto:
        yield reason(_("A time for a veto needs somebody who has one."), "veto_hours")
    if rule.get("secret") and not most and not rule.get("no_objection"):
        yield reason(
            _("A secret vote ends by the clock, so that its end tells nothing: say after how many hours."),
            "max_open_hours",
        )
    if rule.get("secret") and rule.get("proxies"):
        yield reason(_("In a secret vote nobody can answer for another, because it could not be shown."), "proxies")
    groups = rule.get("min_distinct_groups")
    if groups is not None and not _is_count(groups):
        yield reason(_("The yes come from at least one group."), "min_distinct_groups")
    proxies = rule.get("proxies")
    if not _is_number(proxies) or not isinstance(proxies, int) or not 0 <= proxies <= 20:
        yield reason(_("One person may carry 0 to 20 other voices."), "proxies")
    for key in ("no_objection", "proposer_counts", "proposer_stays", "secret", "reasons"):
        if not isinstance(rule.get(key), bool):
            yield reason(_("This is answered by yes or no."), key)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1
