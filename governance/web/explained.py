"""What would change if a vote passed: each kind of subject says it in sentences, on the floor that owns the subject."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.translation import gettext as _

from governance import charters, collective, communities, policies
from governance.models import Dataset, Proposal
from governance.odrl.policy import Body
from governance.odrl.purposes import STANDARD
from governance.odrl.words import changes as rule_changes
from governance.web.charter_words import span
from governance.web.charters import changes as charter_changes
from governance.web.rules_words import say


@dataclass(frozen=True)
class Explained:
    """Sentences about what a passed vote does, a table of before and after, and where the thing itself can be read."""

    lines: list[str] = field(default_factory=list)
    changes: list[dict[str, object]] = field(default_factory=list)
    url: str = ""


Explains = Callable[[Proposal], Explained]
EXPLAINS: dict[str, Explains] = {}
"""Subject kind -> how it explains itself; filled with :func:`explains`."""


def explains(kind: str) -> Callable[[Explains], Explains]:
    """Register how votes on subjects of ``kind`` explain themselves."""

    def keep(made: Explains) -> Explains:
        EXPLAINS[kind] = made
        return made

    return keep


def explain(proposal: Proposal) -> Explained:
    """What would change if ``proposal`` passed; nothing where its kind has not said."""
    made = EXPLAINS.get(proposal.subject_kind)
    return made(proposal) if made else Explained()


@explains(communities.SUBJECT)
def _role(proposal: Proposal) -> Explained:
    word = _(communities.role_word(proposal.community, proposal.terms["role"]))
    if proposal.terms["gives"]:
        return Explained([_("From then on they may do what a %(role)s may do here.") % {"role": word}])
    return Explained(
        [_("From then on they may no longer do what a %(role)s may do here. Other roles stay.") % {"role": word}]
    )


@explains(charters.KIND)
def _charter(proposal: Proposal) -> Explained:
    lines = [proposal.terms["note"]] if proposal.terms.get("note") else []
    found = charter_changes(proposal.community, charters.body_of(proposal.community), proposal.terms["body"])
    return Explained(lines, found, reverse("charter", kwargs={"community": proposal.community.slug}))


@explains(collective.KIND)
def _together(proposal: Proposal) -> Explained:
    terms = proposal.terms
    named = ", ".join(_(STANDARD[one].title) for one in terms["purposes"] if one in STANDARD)
    if terms["answer"] == "yes":
        lines = [_("As a community we say yes to: %(named)s. Each person’s own no still counts.") % {"named": named}]
    else:
        lines = [
            _(
                "As a community we say no to: %(named)s. Nothing of this dataset is used for it any more, whoever said yes."
            )
            % {"named": named}
        ]
    if terms["valid_days"]:
        lines.append(_("It holds for %(time)s, then a new yes is needed.") % {"time": span(terms["valid_days"] * 24)})
    if terms["protocols"]:
        lines.append(_("Versions may then also hold samples that are for some groups only."))
    if terms["minutes"]:
        lines.append(_("The talk about it is written down here: %(where)s.") % {"where": terms["minutes"]})
    return Explained(lines)


@explains(policies.VOTE)
def _rules(proposal: Proposal) -> Explained:
    terms = proposal.terms
    dataset = Dataset.objects.filter(public_id=terms["dataset"]).first() if terms["dataset"] else None
    layer = policies.current(dataset) if dataset else policies.community_current(proposal.community)
    lines = [terms["note"]] if terms.get("note") else []
    lines.append(
        _("They would hold from the next pull on. What becomes wider reaches a party only with a new agreement.")
    )
    url = reverse("rules", kwargs={"community": proposal.community.slug, "dataset": dataset.slug}) if dataset else ""
    if layer is None:
        return Explained(lines, url=url)
    found: list[dict[str, object]] = [
        {"title": _(one.question), "before": [say(one.before)], "after": [say(one.after)]}
        for one in rule_changes(policies.body_of(layer), Body.from_json(terms["body"]))
    ]
    return Explained(lines, found, url)
