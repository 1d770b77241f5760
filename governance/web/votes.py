"""Votes: what the community decides together, who said what and why, and one's own answer."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import votes
from governance.kernel.errors import Missing
from governance.models import Ballot, Community, Membership, Person, Proposal
from governance.web.access_rules import members
from governance.web.charter_words import rule_words
from governance.web.explained import explain
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
    for_person = forms.CharField(required=False, widget=forms.HiddenInput)


class LendForm(Form):
    """Somebody who shall answer for oneself."""

    holder = forms.ChoiceField(label=lazy("Who shall answer for you"))
    note = forms.CharField(
        label=lazy(
            "Why, or what they shall say (they and the log’s readers see that you gave it; this note is between you)"
        ),
        required=False,
        max_length=500,
    )

    def __init__(self, *args: object, proposal: Proposal, me: Person, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        frozen = proposal.electorate.get("who", proposal.eligible)
        people = Person.objects.filter(public_id__in=frozen).exclude(pk__in=[me.pk, proposal.proposed_by_id])
        self.fields["holder"].choices = [(one.public_id, str(one)) for one in people.order_by("display_name", "pk")]  # type: ignore[attr-defined]


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
    still = rows.filter(status=Proposal.Status.OPEN).order_by("closes_at", "opened_at", "pk")
    over = rows.exclude(status=Proposal.Status.OPEN).order_by("-closed_at", "-pk")
    waiting = Paginator(still, PAGE).get_page(request.GET.get("open"))
    context = {
        "place": "votes",
        "open": [_row(proposal, me) for proposal in waiting],
        "open_page": waiting,
        "page": Paginator(over, PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "governance/votes.html", context)


@members
@require_http_methods(["GET", "HEAD", "POST"])
def vote_page(request: HttpRequest, community: str, vote: str) -> HttpResponse:
    """One vote: what would change, its rule in words, who has answered, and the answer bar."""
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
            for_person=_giver(proposal, me, given["for_person"]),
        )
        if cast is not None:
            messages.success(request, _("The answer counts. It may be changed while the vote is open."))
            return redirect("vote", community=community, vote=vote)
    return render(request, "governance/vote.html", _context(proposal, me, form), status=422 if form.errors else 200)


@members
@require_POST
def lend_voice(request: HttpRequest, community: str, vote: str) -> HttpResponse:
    """Give one's voice in one vote to somebody else."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    proposal = proposal_or_404(here, vote)
    form = LendForm(request.POST, proposal=proposal, me=me)
    if form.is_valid():
        holder = Person.objects.get(public_id=form.cleaned_data["holder"])
        lent = form.attempt(votes.lend, here, by=me, holder=holder, proposal=proposal, note=form.cleaned_data["note"])
        if lent is not None:
            messages.success(
                request, _("They may answer for you now. You can take it back, or answer yourself, until it ends.")
            )
            return redirect("vote", community=community, vote=vote)
    context = _context(proposal, me, BallotForm(initial={"digest": proposal.subject_digest})) | {"lend": form}
    return render(request, "governance/vote.html", context, status=422)


@members
@require_POST
def take_voice_back(request: HttpRequest, community: str, vote: str) -> HttpResponse:
    """Take one's voice back in one vote."""
    me = person_of(request)
    proposal = proposal_or_404(request.community, vote)  # type: ignore[attr-defined]  # set by @members
    lent = votes.standing_proxies(proposal).filter(giver=me).order_by("-proposal").first()
    if lent is None:
        raise Missing("not-found", NOT_HERE)
    votes.take_back(lent, by=me)
    messages.success(request, _("Taken back. What was said for you does not count."))
    return redirect("vote", community=community, vote=vote)


def _context(proposal: Proposal, me: Person, form: BallotForm) -> dict[str, Any]:
    choices = votes.may_vote(proposal, me)
    may_lend = bool(proposal.rule.get("proxies")) and "yes" in choices
    tally = votes.state(proposal)
    return {
        "place": "votes",
        "proposal": proposal,
        "tally": tally,
        "ballots": votes.counting(proposal).select_related("voter", "proxy__holder"),
        "answered": votes.answered(proposal) if proposal.rule.get("secret") else [],
        "silent": _silent(proposal),
        "is_secret": bool(proposal.rule.get("secret")),
        "choices": choices,
        "mine": votes.counting(proposal).filter(voter=me).first(),
        "have_answered": votes.has_answered(proposal, me),
        "form": form,
        "rule": rule_words(proposal.community, proposal.rule, needed=tally.needed),
        "explained": explain(proposal),
        "lent": votes.standing_proxies(proposal).filter(giver=me).first() if may_lend else None,
        "lend": LendForm(proposal=proposal, me=me) if may_lend else None,
        "carried": votes.standing_proxies(proposal).filter(holder=me) if may_lend else [],
        "reasons": (proposal.tally or {}).get("reasons", []),
    }


def _silent(proposal: Proposal) -> list[Person]:
    """Who may still answer and has not."""
    if proposal.status != Proposal.Status.OPEN:
        return []
    frozen = proposal.electorate.get("who", proposal.eligible)
    held = Membership.objects.current().filter(community=proposal.community, role__in=proposal.rule["who"])
    people = Person.objects.filter(public_id__in=frozen, is_active=True, pk__in=held.values("person"))
    return list(people.exclude(pk__in=votes.answered(proposal)).order_by("display_name", "pk"))


def _giver(proposal: Proposal, me: Person, public_id: str) -> Person | None:
    """Whose voice an answer is, where it is not one's own."""
    if not public_id:
        return None
    lent = votes.standing_proxies(proposal).filter(holder=me, giver__public_id=public_id).first()
    if lent is None:
        raise Missing("not-found", NOT_HERE)
    return lent.giver


def proposal_or_404(community: Community, public_id: str) -> Proposal:
    """A vote of the community, or ``Missing``."""
    found = Proposal.objects.filter(community=community, public_id=public_id).select_related("proposed_by").first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def _row(proposal: Proposal, me: Person) -> Row:
    waits = bool(votes.may_vote(proposal, me)) and not votes.has_answered(proposal, me)
    return Row(proposal, votes.state(proposal), waits)


urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/votes/", votes_page, name="votes"),
    path("communities/<slug:community>/votes/<str:vote>/", vote_page, name="vote"),
    path("communities/<slug:community>/votes/<str:vote>/proxy/", lend_voice, name="vote-proxy"),
    path("communities/<slug:community>/votes/<str:vote>/proxy/end/", take_voice_back, name="vote-proxy-end"),
]
