"""A charter's rules as sentences: the same words on the charter, on a vote and in a preview."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from governance import communities
from governance.charter import hours, texts
from governance.models import Community

NAMES = {
    "version": (lazy("A version of a dataset"), lazy("before it is built and may be pulled")),
    "role": (lazy("A role above contributor"), lazy("given or taken")),
    "recovery": (lazy("A new password for somebody with duties"), lazy("before the code works")),
    "charter": (lazy("This charter"), lazy("before any of it changes")),
    "collective": (lazy("What a dataset may be used for, as a community"), lazy("beside each person’s own yes")),
    "policy": (lazy("New rules for a dataset"), lazy("before they hold")),
    "agreement": (lazy("An agreement with somebody who uses our data"), lazy("before it is signed")),
    "takedown": (lazy("The end of a complaint about a version"), lazy("before the version comes back or is gone")),
    "break-glass": (lazy("Opening what is for a group only, in an emergency"), lazy("before it is opened")),
    "hand-over": (lazy("Taking everything to another Wellhouse"), lazy("before the archive is made")),
}
"""Name of a decision -> how it is called, and when it is asked."""


def name_of(name: str) -> str:
    """How a kind of decision is called."""
    return str(NAMES[name][0]) if name in NAMES else name


def role_words(community: Community, roles: object) -> str:
    """A list of roles in the community's own words."""
    return ", ".join(_(communities.role_word(community, role)) for role in texts(roles))


def rule_words(community: Community, rule: Mapping[str, object], needed: int | None = None) -> list[str]:
    """A rule as sentences; with ``needed`` as it stands for one vote."""
    said = [_first(community, rule, needed)]
    if rule.get("no_objection"):
        said.append(
            _(
                "Nobody may object: one standing no, with its reason, stops it. Silence is no yes: the yes above must be said."
            )
        )
    if rule.get("min_distinct_groups"):
        n = int(str(rule["min_distinct_groups"]))
        said.append(
            ngettext("The yes come from at least %(n)s group.", "The yes come from at least %(n)s different groups.", n)
            % {"n": n}
        )
    if rule.get("proposer_counts"):
        said.append(_("Whoever proposes it counts like everybody else."))
    else:
        said.append(_("Whoever proposes it does not count."))
    if rule.get("veto"):
        said.append(_("One veto ends it, by: %(who)s.") % {"who": role_words(community, rule["veto"])})
    said += _times(rule)
    if rule.get("proxies"):
        n = int(str(rule["proxies"]))
        said.append(
            ngettext(
                "One person may answer for %(n)s other who asked them to.",
                "One person may answer for up to %(n)s others who asked them to.",
                n,
            )
            % {"n": n}
        )
    if rule.get("secret"):
        said.append(_("Answers are secret: only who has answered is seen, and the numbers when it ends."))
    if rule.get("reasons"):
        said.append(_("A no says why."))
    return said


def _first(community: Community, rule: Mapping[str, object], needed: int | None) -> str:
    who = role_words(community, rule.get("who"))
    share = rule.get("share")
    if needed is None and isinstance(share, (int, float)):
        return _("It passes when %(percent)s%% of those who may answer say yes: %(who)s.") % {
            "percent": round(share * 100),
            "who": who,
        }
    return _("It passes with %(needed)s yes of: %(who)s.") % {
        "needed": needed if needed is not None else rule.get("threshold"),
        "who": who,
    }


def _times(rule: Mapping[str, object]) -> list[str]:
    said = []
    least, most, window = (hours(rule, key) for key in ("min_open_hours", "max_open_hours", "veto_hours"))
    if least:
        said.append(_("It stays open for at least %(time)s.") % {"time": span(least)})
    if most:
        said.append(_("It ends after %(time)s.") % {"time": span(most)})
    if window:
        said.append(
            _("It takes force only when the yes have held for %(time)s, so that a veto is possible.")
            % {"time": span(window)}
        )
    return said


def span(number: float) -> str:
    """A time in days where it is whole days, else in hours."""
    if number >= 48 and number % 24 == 0:
        return ngettext("%(n)s day", "%(n)s days", int(number // 24)) % {"n": int(number // 24)}
    return ngettext("%(n)s hour", "%(n)s hours", int(number)) % {"n": f"{number:g}"}
