"""The pages of versions: all of them, a new one with what would leave, and one with everything that it waits for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotations.models import Annotation, Campaign
from curation import checking, standing, versions
from curation.models import Build, CheckRun, Finding, Freeze, Version
from curation.web.quality import Told, tell, told_of
from curation.web.reach import version_of
from governance import policies, protocols, roles, samples, votes
from governance.models import Ballot, Community, Dataset, Person, Proposal, Sample
from governance.odrl.purposes import STANDARD
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import dataset_or_404, person_of

PAGE = 25
STANDS = frozenset({Version.Status.PUBLISHED.value, Version.Status.WITHDRAWN.value})
STATES = {
    Version.Status.FREEZING: (lazy("being written down"), "wait"),
    Version.Status.PROPOSED: (lazy("waits for an answer"), "wait"),
    Version.Status.APPROVED: (lazy("approved, being built"), "wait"),
    Version.Status.PUBLISHED: (lazy("published"), ""),
    Version.Status.REJECTED: (lazy("not published"), "none"),
    Version.Status.FAILED: (lazy("stopped"), "no"),
    Version.Status.WITHDRAWN: (lazy("withdrawn"), "no"),
}
LEFT_OUT = {
    "withdrawn": (lazy("Taken back by whoever gave it"), lazy("Only they, with a new yes.")),
    "unknown-voice": (
        lazy("A voice in it that nobody knows yet"),
        lazy("Somebody who can say who is heard in it, and that person's yes."),
    ),
    "voice-no-consent": (
        lazy("Somebody heard in it has not said yes"),
        lazy("Their own yes: whoever gave it cannot speak for the others in it."),
    ),
    "no-contributor": (lazy("Nobody knows whose it is"), lazy("Somebody who can say whose words they are.")),
    "no-consent": (lazy("No consent for this use, or it has ended"), lazy("A new yes from the one who gave it.")),
    "own-rules": (lazy("Rules of its own do not allow this use"), lazy("Whoever made them, by other rules.")),
    "no-collective": (lazy("The community has not said yes to this use"), lazy("A collective decision.")),
    "held": (lazy("Rests after a flag or a keeper’s word"), lazy("The keepers decide.")),
    "no-opinion": (lazy("Nobody has answered it yet"), lazy("Answers in the campaign.")),
    "few-opinions": (lazy("Too few opinions so far"), lazy("The answers that are missing.")),
    "tie": (lazy("Opinions part evenly"), lazy("One more opinion, or a review.")),
    "near-across": (lazy("Too like a sample on the other side"), lazy("Nothing; it is kept, but in neither part.")),
    "group-across": (lazy("Its group stands on two sides"), lazy("Nothing; it is kept, but in neither part.")),
}


class ProposalForm(Form):
    """What the next version shall be made of, and for what."""

    campaign = forms.ChoiceField(label=lazy("Whose answers become the labels"))
    purposes = forms.MultipleChoiceField(
        label=lazy("What it is for"),
        help_text=lazy("Every contributor in it must have said yes to each of these."),
        widget=forms.CheckboxSelectMultiple,
    )
    note = forms.CharField(
        label=lazy("What is new in it, for those who vote"),
        required=False,
        max_length=versions.REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )

    def __init__(self, *args: object, dataset: Dataset, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        rows = dataset.campaigns.exclude(status=Campaign.Status.DRAFT).exclude(label_control="").order_by("-pk")
        self.campaigns = {row.public_id: row for row in rows}
        self.allowed = versions.allowed_purposes(policies.current(dataset))
        self.fields["campaign"].choices = [(key, row.name) for key, row in self.campaigns.items()]  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["purposes"].choices = [(code, purpose_title(code)) for code in self.allowed]  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["purposes"].initial = self.allowed


class BallotForm(Form):
    """An answer to a version."""

    choice = forms.ChoiceField(label=lazy("Should it be published?"), widget=forms.RadioSelect)
    reason = forms.CharField(
        label=lazy("Your reason"),
        help_text=lazy(
            "Needed with a no or an abstention, welcome with a yes. Everybody in the community can read it."
        ),
        required=False,
        max_length=versions.REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )

    def __init__(self, *args: object, choices: frozenset[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        words = {
            "yes": _("Yes: publish exactly this"),
            "no": _("No: do not publish this"),
            "abstain": _("I abstain: counts neither way"),
            "veto": _("Veto: this ends the vote"),
        }
        self.fields["choice"].choices = [(key, words[key]) for key in words if key in choices]  # type: ignore[attr-defined]  # a ChoiceField


class RetractionForm(Form):
    """Taking one's proposal back."""


@dataclass(frozen=True)
class Line:
    """One version in the list."""

    version: Version
    state: str
    mark: str
    members: int


@dataclass(frozen=True)
class Voice:
    """One person in the vote: what they said, or that they have not."""

    person: Person
    roles: str
    note: str
    state: str
    mark: str


@dataclass(frozen=True)
class Part:
    """One part of a version: how many, how far from the whole, how many of each label."""

    name: str
    total: int
    distance: float
    values: tuple[int, ...]


@dataclass(frozen=True)
class Out:
    """One reason for which samples were left out."""

    why: str
    back: str
    number: int
    before: int | None


@members
@require_safe
def version_list(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """List every version, the newest first."""
    held = dataset_or_404(request, community, dataset)
    rows = held.versions.select_related("proposed_by").order_by("-number")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "community": held.community,
        "dataset": held,
        "place": "versions",
        "page": page,
        "lines": [Line(row, *_state(row), row.counts.get("members", 0)) for row in page],
        "open_version": rows.filter(status__in=versions.OPEN).first(),
        "may_propose": roles.may(person_of(request), "version.propose", held.community),
    }
    return render(request, "curation/versions.html", context)


@members
@require_http_methods(["GET", "HEAD", "POST"])
def version_new(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Show what would leave, and propose it."""
    held, me = dataset_or_404(request, community, dataset), person_of(request)
    roles.require(me, "version.propose", held.community)
    form = ProposalForm(request.POST or None, dataset=held)
    if form.is_bound and form.is_valid():
        made = form.attempt(
            versions.propose,
            held,
            campaign=form.campaigns[form.cleaned_data["campaign"]],
            by=me,
            purposes=form.cleaned_data["purposes"],
            note=form.cleaned_data["note"],
        )
        if made is not None:
            messages.success(
                request, _("Proposed. Its members are being written down; then the checks run and the vote opens.")
            )
            return redirect("version", community=community, dataset=dataset, number=made.number)
    context = {
        "community": held.community,
        "dataset": held,
        "place": "versions",
        "form": form,
        "number": (held.versions.order_by("-number").values_list("number", flat=True).first() or 0) + 1,
        "open_version": held.versions.filter(status__in=versions.OPEN).order_by("-number").first(),
        "preview": _preview(held, form),
        "rules": "" if form.allowed else reverse("rules", kwargs={"community": community, "dataset": dataset}),
    }
    return render(request, "curation/version_new.html", context, status=422 if form.errors else 200)


@members
@require_safe
def version(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """Show one version: its life, what must be true first, who answered, how it is divided, what changed."""
    held = dataset_or_404(request, community, dataset)
    return _version_page(request, version_of(held, number))


@members
@require_POST
def ballots(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """Write down an answer."""
    found, me = version_of(dataset_or_404(request, community, dataset), number), person_of(request)
    choices = votes.may_vote(found.proposal, me) if found.proposal else frozenset()
    form = BallotForm(request.POST, choices=choices or frozenset(Ballot.Choice.values))
    if form.is_valid() and form.attempt(versions.approve, found, by=me, **form.cleaned_data) is not None:
        messages.success(request, _after(found))
        return redirect("version", community=community, dataset=dataset, number=number)
    return _version_page(request, found, form, status=422)


@members
@require_POST
def version_check_runs(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """Run the checks of a version again."""
    held = dataset_or_404(request, community, dataset)
    checking.start(held, by=person_of(request), version=version_of(held, number))
    return redirect("version", community=community, dataset=dataset, number=number)


@members
@require_POST
def settlement(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """Look once more whether everything is true now."""
    found = versions.settle(version_of(dataset_or_404(request, community, dataset), number))
    if found.status == Version.Status.PROPOSED:
        messages.info(request, _("We looked again; what is listed below is still missing."))
    return redirect("version", community=community, dataset=dataset, number=number)


@members
@require_POST
def retraction(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """Take one's proposal back."""
    found = version_of(dataset_or_404(request, community, dataset), number)
    versions.retract(found, by=person_of(request))
    messages.success(request, _("Taken back. Another version can be proposed now."))
    return redirect("version", community=community, dataset=dataset, number=number)


@members
@require_POST
def resumption(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """Start the machine's work again where it stopped."""
    versions.resume(version_of(dataset_or_404(request, community, dataset), number), by=person_of(request))
    messages.success(request, _("It begins again. Nothing was half done."))
    return redirect("version", community=community, dataset=dataset, number=number)


def _version_page(
    request: HttpRequest, found: Version, form: BallotForm | None = None, status: int = 200
) -> HttpResponse:
    me, held = person_of(request), found.dataset
    stands = standing.of(found)
    run = checking.of_version(found) if found.members_root else None
    freeze = Freeze.objects.filter(version=found).first()
    job = _under_way(found, freeze, run)
    choices = votes.may_vote(found.proposal, me) if found.proposal else frozenset()
    mine = votes.counting(found.proposal).filter(voter=me).first() if found.proposal else None
    is_proposed = found.status == Version.Status.PROPOSED
    conditions = list(_conditions(found)) if found.status in versions.OPEN else []
    names = list(next(iter(found.counts.get("labels", {}).values()), {}))
    context = {
        "community": held.community,
        "dataset": held,
        "place": "versions",
        "version": found,
        "state": _state(found),
        "is_gone": not stands.is_open and found.status in STANDS,
        "gone_because": _(stands.reason)
        if stands.reason
        else _("Samples of it rest. When they may be used again, it opens again."),
        "steps": _steps(found, run),
        "job": job,
        "freeze": freeze,
        "conditions": conditions,
        "n_unmet": sum(one["state"] != "met" and one["state"] != "warn" for one in conditions),
        "voices": _voices(found),
        "tally": votes.state(found.proposal) if found.proposal else None,
        "pullers": _pullers(found),
        "parts": _parts(found) if len(names) <= 6 else [],
        "label_names": names,
        "splits": found.counts.get("splits", {}),
        "since": found.counts.get("since", {}),
        "relabelled": [
            (_plain(a), _plain(b), n) for a, b, n in found.counts.get("since", {}).get("relabelled_from_to", [])
        ],
        "out": _out(found),
        "n_out": sum(found.left_out.values()),
        "purposes": [purpose_title(code) for code in found.purposes],
        "findings": _answered(told_of(run), found),
        "run": run,
        "overrides": [
            (o, tell(o.finding).title) for o in found.overrides.select_related("by", "finding").order_by("pk")
        ],
        "ballot": mine,
        "form": form
        or (
            BallotForm(initial={"choice": mine.choice if mine else None}, choices=choices)
            if is_proposed and choices
            else None
        ),
        "may_run": is_proposed and roles.may(me, "check.run", held.community),
        "may_resume": roles.may(me, "version.resume", held.community),
        "may_retract": found.status in versions.OPEN and me.pk == found.proposed_by_id,
        "may_settle": is_proposed and found.proposal is not None and found.proposal.status == Proposal.Status.PASSED,
        "build": Build.objects.filter(version=found).order_by("-pk").first(),
    }
    response = render(request, "curation/version.html", context, status=status)
    if request.headers.get("HX-Request") and request.GET.get("seen", found.status) != found.status:
        # The version moved on: the whole page is another one now. While it stays, only its work and conditions are swapped.
        response["HX-Refresh"] = "true"
    return response


def purpose_title(code: str) -> str:
    """Return what a purpose is called on a page."""
    return _(STANDARD[code].title) if code in STANDARD else code


def _state(row: Version) -> tuple[str, str]:
    """Return how a version stands, in words and as a mark; a published one is asked whether it can be pulled."""
    if row.status == Version.Status.PUBLISHED:
        stands = standing.of(row)
        if stands.is_gone:
            return _("withdrawn"), "no"
        if not stands.is_open:
            return _("rests"), "soon"
    words, mark = STATES[Version.Status(row.status)]
    return str(words), mark


def _answered(findings: Sequence[Told], found: Version) -> list[Told]:
    """Return findings with those marked that a named person let stand."""
    given = {(o.check_id, o.finding.scope): o.by for o in found.overrides.select_related("finding", "by")}
    return [
        replace(
            one,
            mark="soon",
            state=_("let stand"),
            sentence=_("%(sentence)s %(name)s answered for it.") % {"sentence": one.sentence, "name": given[key]},
        )
        if (key := (one.finding.check_id, one.finding.scope)) in given
        else one
        for one in findings
    ]


def _after(found: Version) -> str:
    if found.status == Version.Status.APPROVED:
        return _("Written down. Everything is true now: the version is being built and then published.")
    if found.status == Version.Status.REJECTED:
        return _("Written down. With this the version is not published.")
    return _("Written down. You may change your answer until the vote closes.")


def _under_way(found: Version, freeze: Freeze | None, run: CheckRun | None) -> Freeze | CheckRun | Build | None:
    """Return the work of the machine that the page waits for."""
    if found.status == Version.Status.FREEZING:
        return freeze if freeze is not None and not freeze.is_over else None
    if found.status == Version.Status.PROPOSED:
        return run if run is not None and not run.is_over else None
    if found.status == Version.Status.APPROVED:
        return Build.objects.filter(version=found).exclude(status__in=(Build.Status.DONE, Build.Status.FAILED)).first()
    return None


def _conditions(found: Version) -> Iterator[dict[str, object]]:
    """Yield the conditions as ``parts/conditions.html`` draws them."""
    base = reverse(
        "version", kwargs={"community": found.community.slug, "dataset": found.dataset.slug, "number": found.number}
    )
    above = base.rsplit("versions/", 1)[0]
    for one in versions.conditions(found):
        needs_answer = one.finding is not None and one.override is None and (one.met is False or one.is_warning)
        url = f"{above}{one.link}" if one.finding is not None else one.link if one.link.startswith("#") else ""
        if one.code == "flags" and one.met is False:
            url = reverse("flags", kwargs={"community": found.community.slug, "dataset": found.dataset.slug})
        action = _("Answer") if needs_answer else _("Vote") if one.code == "vote" else _("See it")
        yield {"text": one.sentence, "why": one.why, "state": one.state, "url": url, "action": action, "code": one.code}


def _steps(found: Version, run: CheckRun | None) -> list[dict[str, str]]:
    """Return the life of a version: what is past, what is now, what comes."""
    tally = votes.state(found.proposal) if found.proposal else None
    checked = run is not None and run.status == CheckRun.Status.DONE
    order = [
        (_("Proposed"), f"{found.proposed_by}, {_day(found.proposed_at)}", True),
        (_("Checked"), _checks_told(run), checked),
        (_("Voted"), _yes_told(tally), found.approved_at is not None),
        (_("Built"), _("by itself, in a few minutes"), found.published_at is not None),
        (_("Published"), _day(found.published_at) if found.published_at else "", found.published_at is not None),
    ]
    now = next((i for i, (_name, _note, done) in enumerate(order) if not done), len(order))
    over = found.status in {Version.Status.REJECTED, Version.Status.FAILED}
    return [
        {"name": name, "note": note, "state": "done" if done else "now" if i == now and not over else "next"}
        for i, (name, note, done) in enumerate(order)
    ]


def _checks_told(run: CheckRun | None) -> str:
    if run is None:
        return ""
    tally = checking.tally(run)
    broken, total = tally.get(Finding.Status.ERROR, 0), sum(tally.values())
    return _("%(n)d of %(total)d checks gave an answer") % {"n": total - broken, "total": total} if total else ""


def _yes_told(tally: votes.Tally | None) -> str:
    return _("%(yes)d yes of the %(needed)d it needs") % {"yes": tally.yes, "needed": tally.needed} if tally else ""


def _day(at: datetime | None) -> str:
    return date_format(timezone.localtime(at), "j F, H:i") if at else ""


def _voices(found: Version) -> list[Voice]:
    """Return everybody who may vote with what they said, those who answered first; then the proposer."""
    if found.proposal is None:
        return []
    said = {ballot.voter_id: ballot for ballot in votes.counting(found.proposal).select_related("voter")}
    people = Person.objects.filter(public_id__in=found.proposal.eligible).order_by("display_name", "pk")
    words = {
        "yes": (_("yes"), ""),
        "no": (_("no"), "no"),
        "abstain": (_("abstains"), "none"),
        "veto": (_("veto"), "no"),
    }
    lines = []
    for person in people:
        ballot = said.get(person.pk)
        note = f"{_day(ballot.at)}. {ballot.reason}".strip() if ballot else ""
        state, mark = words[ballot.choice] if ballot else (_("not yet"), "wait")
        lines.append((ballot is None, Voice(person, _roles(person, found.community), note, state, mark)))
    lines.sort(key=lambda item: item[0])
    result = [voice for _waits, voice in lines]
    if found.proposed_by.public_id not in found.proposal.eligible:
        note = _("Proposed it, so does not count.")
        result.append(Voice(found.proposed_by, _roles(found.proposed_by, found.community), note, _("no vote"), "none"))
    return result


def _roles(person: Person, community: Community) -> str:
    return ", ".join(sorted(_(role.label).lower() for role in roles.roles_of(person, community)))


def _pullers(found: Version) -> list[tuple[str, str, bool]]:
    """Return the parties with an agreement over this dataset: name, what for and until when, and whether it covers this version."""
    now = timezone.now()
    rows = found.dataset.agreements.filter(ended_at=None, expires_at__gt=now, from_version__lte=found.number)
    covered = set(found.purposes)
    return [
        (
            row.party.name,
            _("%(use)s, until %(day)s")
            % {"use": purpose_title(row.purpose), "day": date_format(row.expires_at, "j F Y")},
            bool(covered & (STANDARD.broader(row.purpose) | {row.purpose})),
        )
        for row in rows.select_related("party").order_by("party__name", "pk")[:20]
    ]


def _parts(found: Version) -> list[Part]:
    """Return the parts with their distance (total variation) from the whole."""
    table: Mapping[str, Mapping[str, int]] = found.counts.get("labels", {})
    whole: dict[str, int] = {}
    for counts in table.values():
        for name, n in counts.items():
            whole[name] = whole.get(name, 0) + n
    total = sum(whole.values()) or 1
    titles = {"train": _("Train"), "validation": _("Validation"), "test": _("Test")}
    result = []
    for split, counts in table.items():
        n = sum(counts.values())
        far = sum(abs(counts[name] / n - whole[name] / total) for name in whole) / 2 if n else 0.0
        size = found.counts.get("splits", {}).get(split, n)
        result.append(Part(titles.get(split, split), size, far, tuple(counts[name] for name in whole)))
    return result


def _out(found: Version) -> list[Out]:
    """Return what was left out, by reason, the most first."""
    before = found.counts.get("since", {}).get("gone_by_reason")
    lines = []
    for code, n in sorted(found.left_out.items(), key=lambda item: -item[1]):
        why, back = LEFT_OUT.get(code, (code, ""))
        lines.append(Out(str(why), str(back), n, before.get(code, 0) if before is not None else None))
    return lines


def _plain(label: str) -> str:
    return label.strip('"')


def _preview(held: Dataset, form: ProposalForm) -> dict[str, object] | None:
    """Say, before anything is proposed, how many samples could leave and what of each; counts only."""
    campaign = next(iter(form.campaigns.values()), None)
    purposes = list(form.allowed)
    if form.is_bound:
        campaign = form.campaigns.get(form.data.get("campaign", ""), campaign)
        purposes = [code for code in form.data.getlist("purposes") if code in STANDARD] or purposes  # type: ignore[attr-defined]  # a QueryDict
    if campaign is None or not purposes:
        return None
    needed = 1 if campaign.needs_review else campaign.overlap
    answered = (
        Annotation.objects.filter(campaign=campaign, standing=Annotation.Standing.COUNTS)
        .values("sample")
        .annotate(n=Count("pk"))
        .filter(n__gte=needed)
        .values("sample")
        .order_by()
    )
    # Samples that are not for everyone are in no number: nobody learns how many there are.
    everyones = held.samples.filter(protocol__in=protocols.leaving(held, purposes))
    total, usable = everyones.count(), samples.usable(held, purposes)
    n_usable = usable.count()
    n_ready = usable.filter(pk__in=answered).count()
    first: Sample | None = everyones.order_by("pk").first()
    return {
        "total": total,
        "usable": n_usable,
        "ready": n_ready,
        "not_usable": total - n_usable,
        "not_ready": n_usable - n_ready,
        "needed": needed,
        "columns": sorted(first.data) if first else [],
        "has_media": bool(first and first.media_id),
        "parties": held.agreements.filter(ended_at=None, expires_at__gt=timezone.now()).count(),
    }


_BASE = "datasets/<slug:community>/<slug:dataset>/versions/"
urlpatterns: list[URLPattern] = [
    path(_BASE, version_list, name="versions"),
    path(_BASE + "new/", version_new, name="version-new"),
    path(_BASE + "<int:number>/", version, name="version"),
    path(_BASE + "<int:number>/ballots/", ballots, name="version-ballots"),
    path(_BASE + "<int:number>/check-runs/", version_check_runs, name="version-check-runs"),
    path(_BASE + "<int:number>/settlement/", settlement, name="version-settlement"),
    path(_BASE + "<int:number>/resumption/", resumption, name="version-resumption"),
    path(_BASE + "<int:number>/retraction/", retraction, name="version-retraction"),
]
