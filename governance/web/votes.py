"""Votes: what the community decides together, who said what and why, and one's own answer."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_safe

from governance import communities, votes
from governance.kernel.errors import Missing
from governance.models import Ballot, Community, Person, Proposal
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, person_of

PAGE = 20


class BallotForm(Form):
    """One answer, with its reason."""

    choice = forms.ChoiceField(choices=[(one, one) for one in Ballot.Choice.values])
    reason = forms.CharField(
        label=lazy("Why (everyone here reads it, with your name)"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )
    digest = forms.CharField(widget=forms.HiddenInput)


@dataclass(frozen=True)
class Row:
    """One vote in the list."""

    proposal: Proposal
    tally: votes.Tally
    waits_for_me: bool


@members
@require_safe
def votes_page(request: HttpRequest, community: str) -> HttpResponse:
    """Open votes first, then how the others ended."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    rows = Proposal.objects.filter(community=here).select_related("proposed_by", "community")
    still = rows.filter(status=Proposal.Status.OPEN).order_by("closes_at", "opened_at")
    over = rows.exclude(status=Proposal.Status.OPEN).order_by("-closed_at", "-pk")
    context = {
        "place": "votes",
        "open": [_row(proposal, me) for proposal in still],
        "page": Paginator(over, PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "governance/votes.html", context)


@members
@require_http_methods(["GET", "HEAD", "POST"])
def vote_page(request: HttpRequest, community: str, vote: str) -> HttpResponse:
    """One vote: its rule in words, the ballots, and the answer bar."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    proposal = proposal_or_404(here, vote)
    form = BallotForm(request.POST or None, initial={"digest": proposal.subject_digest})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        cast = form.attempt(
            votes.cast,
            proposal,
            by=me,
            choice=given["choice"],
            reason=given["reason"],
            subject_digest=given["digest"],
        )
        if cast is not None:
            messages.success(request, _("Your answer counts. You may change it while the vote is open."))
            return redirect("vote", community=community, vote=vote)
    mine = votes.counting(proposal).filter(voter=me).first()
    context = {
        "place": "votes",
        "proposal": proposal,
        "tally": votes.state(proposal),
        "ballots": votes.counting(proposal).select_related("voter"),
        "choices": votes.may_vote(proposal, me),
        "mine": mine,
        "form": form,
        "rule": _rule_words(proposal),
    }
    return render(request, "governance/vote.html", context, status=422 if form.errors else 200)


def proposal_or_404(community: Community, public_id: str) -> Proposal:
    """A vote of the community, or ``Missing``."""
    found = Proposal.objects.filter(community=community, public_id=public_id).select_related("proposed_by").first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def _row(proposal: Proposal, me: Person) -> Row:
    answered = votes.counting(proposal).filter(voter=me).exists()
    return Row(proposal, votes.state(proposal), bool(votes.may_vote(proposal, me)) and not answered)


def _rule_words(proposal: Proposal) -> list[str]:
    """The rule of a vote as sentences."""
    rule, tally = proposal.rule, votes.state(proposal)
    who = ", ".join(_(communities.role_word(proposal.community, role)) for role in rule["who"])
    said = [_("It passes with %(needed)s yes of: %(who)s.") % {"needed": tally.needed, "who": who}]
    if not rule.get("proposer_counts"):
        said.append(_("Whoever proposed it does not count."))
    if rule.get("veto"):
        stops = ", ".join(_(communities.role_word(proposal.community, role)) for role in rule["veto"])
        said.append(_("One veto ends it, by: %(who)s.") % {"who": stops})
    if rule.get("min_open_hours"):
        said.append(_("It stays open for at least %(hours)s hours.") % {"hours": rule["min_open_hours"]})
    said.append(_("Silence is never a yes. If what is voted on changes, the votes are void."))
    return said


urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/votes/", votes_page, name="votes"),
    path("communities/<slug:community>/votes/<str:vote>/", vote_page, name="vote"),
]
