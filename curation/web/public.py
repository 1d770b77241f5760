"""What a pipeline's engineer reads before and after an agreement: a dataset, its versions, how to pull, what is left of one."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from curation import revocations, standing
from curation.models import BuiltFile, CheckRun, Finding, Takedown, Version
from curation.web.hub import links_of
from curation.web.versions import LEFT_OUT, purpose_title
from governance import policies, signing, votes
from governance.kernel.errors import Missing
from governance.models import Ballot, Dataset, Membership, Person
from governance.odrl.words import describe, preview
from governance.web.access_rules import public
from governance.web.reach import NOT_HERE
from governance.web.rules_words import say, say_all

FEW = 10
"""Numbers of people below this are not told to visitors."""

MARKS = {"yes": "yes", "some": "if", "no": "no"}
SPLITS = ("train", "validation", "test")
THIN = 20
"""Fewer test samples of one label than this, and a score on them says little (quality.md, test support)."""


@dataclass(frozen=True)
class Line:
    """One version in a list: its state in a word, and where its page is."""

    version: Version
    state: str
    kind: str
    url: str

    @property
    def samples(self) -> int:
        """How many samples it holds."""
        return int(self.version.counts.get("members", 0))


@dataclass(frozen=True)
class Label:
    """One label of a version: how many samples, their share, and how many in each part."""

    name: str
    total: int
    share: float
    parts: tuple[int, ...]

    @property
    def is_thin(self) -> bool:
        """Whether a score on its test samples would say little."""
        return self.parts[-1] < THIN


@public
@require_safe
def dataset_page(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """A dataset: what may be done with it, what is in it, its versions."""
    found = seen(request, community, dataset)
    newest = standing.newest_open(found)
    revision = policies.current(found)
    body = policies.body_of(revision)
    context = {
        **_frame(found, "dataset"),
        "newest": newest,
        "uses": [purpose_title(code) for code in newest.purposes] if newest else [],
        "revision": revision,
        "personas": [
            (MARKS[one.verdict], _(one.title), say(one.says), say_all(one.because))
            for one in preview(body, at=timezone.now())
        ],
        "answers": [(_(question), say(answer)) for question, answer in describe(body)],
        "lines": list(_lines(found)),
        "facts": _glance(found, newest),
        "is_member": is_member(request, found),
        "labels": labels_of(newest) if newest else [],
        "counts": newest.counts if newest else {},
        "checks": list(_checks(newest)) if newest else [],
    }
    return render(request, "curation/dataset_public.html", context)


@public
@require_safe
def version_list(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Every version that ever was published, those that are gone too."""
    found = seen(request, community, dataset)
    context = {**_frame(found, "published"), "lines": list(_lines(found)), "is_member": is_member(request, found)}
    return render(request, "curation/versions_public.html", context)


@public
@require_safe
def version_page(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """One published version; of one that is gone, what is left, with the status that machines get."""
    found = seen(request, community, dataset)
    version = found.versions.exclude(commit="").filter(number=number).select_related("dataset__community").first()
    if version is None:
        raise Missing("not-found", NOT_HERE)
    how = standing.of(version)
    if how.is_gone:
        return _gone(request, version, how)
    files = sorted(version.files.all(), key=lambda file: (not file.path.endswith(".parquet"), file.path))
    shown = [file for file in files if not file.path.startswith("media/")]
    context = {
        **_frame(found, "published"),
        "version": version,
        "how": how,
        "files": [(file, _what(file)) for file in shown],
        "n_media": len(files) - len(shown),
        "size": sum(file.size for file in files),
        "labels": labels_of(version),
        "counts": version.counts,
        "since": version.counts.get("since", {}),
        "checks": list(_checks(version)),
        "ballots": _yes(version),
        "is_member": is_member(request, found),
        "left_out": [
            (LEFT_OUT[code][0] if code in LEFT_OUT else code, n) for code, n in sorted(version.left_out.items())
        ],
        "keyid": signing.current_keyid(),
        "pull": pull_words(version),
    }
    return render(request, "curation/version_public.html", context)


@public
@require_safe
def how_to_pull(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """How to pull the newest version, client by client."""
    found = seen(request, community, dataset)
    newest = standing.newest_open(found)
    context = {**_frame(found, "how-to-pull"), "version": newest, "pull": pull_words(newest) if newest else None}
    return render(request, "curation/pull_how.html", context)


@public
@require_safe
def public_key(request: HttpRequest, keyid: str) -> HttpResponse:
    """One of this house's public keys, in PEM."""
    known = signing.public_keys()
    if keyid not in known:
        raise Missing("not-found", NOT_HERE)
    return HttpResponse(known[keyid], content_type="text/plain; charset=ascii")


def seen(request: HttpRequest, community: str, slug: str) -> Dataset:
    """Return the dataset if it has published anything, or if whoever asks is a member; raises ``Missing``."""
    found = Dataset.objects.filter(community__slug=community, slug=slug).select_related("community").first()
    if found is None or not (is_member(request, found) or found.versions.exclude(commit="").exists()):
        raise Missing("not-found", NOT_HERE)
    return found


def is_member(request: HttpRequest, dataset: Dataset) -> bool:
    """Whether whoever asks belongs to the community."""
    mine = Membership.objects.current().filter(community=dataset.community_id)
    return isinstance(request.user, Person) and mine.filter(person=request.user).exists()


def labels_of(version: Version) -> list[Label]:
    """Return the labels of a version, the most frequent first, from the numbers written down when it was frozen."""
    by_split: Mapping[str, Mapping[str, int]] = version.counts.get("labels", {})
    names = list(dict.fromkeys(name for split in by_split.values() for name in split))
    parts = {name: tuple(int(by_split.get(split, {}).get(name, 0)) for split in SPLITS) for name in names}
    whole = sum(sum(each) for each in parts.values()) or 1
    found = [Label(name, sum(each), sum(each) / whole, each) for name, each in parts.items()]
    return sorted(found, key=lambda label: -label.total)


def pull_words(version: Version) -> dict[str, str]:
    """Return what the pieces of code on the page are filled with."""
    shard = version.files.filter(path__startswith="data/test").order_by("path").first()
    shard = shard or version.files.filter(path__endswith=".parquet").order_by("path").first()
    return {
        "endpoint": settings.PUBLIC_URL,
        "repo": version.dataset.path,
        "tag": version.tag,
        "shard": shard.path if shard else "",
        "name": version.dataset.slug.replace("-", "_"),
        "commit": version.commit,
    }


def _gone(request: HttpRequest, version: Version, how: standing.Standing) -> HttpResponse:
    """What stays of a version that is gone, so that whoever cites it finds out why."""
    following = standing.successor(version)
    context = {
        **_frame(version.dataset, "published"),
        "version": version,
        "how": how,
        "told": revocations.told_of(version),
        "reason": _(how.reason),
        "is_case": how.code == standing.TAKEDOWN,
        "case": Takedown.objects.filter(version=version, status=Takedown.Status.OPEN).first(),
        "successor": following,
    }
    response = render(request, "curation/version_withdrawn.html", context, status=451 if how.blocked_by else 410)
    if links := links_of(following, how):
        response["Link"] = links
    return response


def _frame(dataset: Dataset, place: str) -> dict[str, object]:
    return {"community": dataset.community, "dataset": dataset, "place": place}


def _lines(dataset: Dataset) -> Iterator[Line]:
    words = {
        standing.OPEN: (_("can be pulled"), "good"),
        standing.WITHDRAWN: (_("withdrawn"), "hold"),
        standing.TAKEDOWN: (_("closed for now"), "hold"),
        standing.BY_LAW: (_("blocked by law"), "hold"),
        standing.ON_HOLD: (_("rests"), "hold"),
        standing.EMBARGOED: (_("closed for now"), "hold"),
    }
    for version in dataset.versions.exclude(commit="").select_related("dataset__community").order_by("-number"):
        state, kind = words.get(standing.of(version).code, (_("not published"), "plain"))
        yield Line(version, state, kind, address_of(version))


def address_of(version: Version) -> str:
    """The address of a version's public page."""
    dataset = version.dataset
    names = {"community": dataset.community.slug, "dataset": dataset.slug, "number": version.number}
    return reverse("published-version", kwargs=names)


def _glance(dataset: Dataset, newest: Version | None) -> list[tuple[str, str]]:
    facts = [(_("Whose"), dataset.community.name)]
    if dataset.language:
        facts.append((_("Language"), dataset.language))
    if newest is not None:
        counts = newest.counts
        parts = " / ".join(str(counts.get("splits", {}).get(split, 0)) for split in SPLITS)
        facts += [
            (_("Samples"), f"{counts.get('members', 0):,}"),
            (_("Given by"), _people(int(counts.get("contributors", 0)))),
            (_("Parts"), _("{parts} to train, validate, test").format(parts=parts)),
            (_("Newest"), f"{newest.tag}, {newest.published_at:%Y-%m-%d}"),
        ]
    if dataset.community.contact:
        facts.append((_("Speak with"), dataset.community.contact))
    return facts


def _people(n: int) -> str:
    return _("fewer than 10 people") if n < FEW else _("{n} people").format(n=n)


def _checks(version: Version) -> Iterator[tuple[str, str, str]]:
    """Yield what the checks said when it was approved: state, check, sentence; warnings first."""
    runs = CheckRun.objects.filter(version=version, members_root=version.members_root, status=CheckRun.Status.DONE)
    run = runs.order_by("-pk").first()
    found = list(Finding.objects.filter(run=run).order_by("check_id", "scope")) if run else []
    let_stand = {o.finding_id: o.reason for o in version.overrides.all()}
    for finding in found:
        if finding.status == Finding.Status.WARN or finding.status in Finding.STOPS:
            yield "warn", _title(finding), let_stand.get(finding.pk) or finding.reason
    passed = sum(finding.status == Finding.Status.PASS for finding in found)
    if passed:
        yield "met", _("{n} checks passed").format(n=passed), ""


def _title(finding: Finding) -> str:
    title = finding.words.get("title", "")
    return _(title) if title else finding.check_id.replace("_", " ")


def _yes(version: Version) -> list[Ballot]:
    """Who said yes, in their order; names are for members, visitors see how many."""
    if version.proposal is None:
        return []
    return [b for b in votes.counting(version.proposal).select_related("voter").order_by("at") if b.choice == "yes"]


def _what(file: BuiltFile) -> str:
    words = {
        "README.md": _("data card"),
        "croissant.json": _("for catalogues"),
        "policy.odrl.json": _("the rules"),
        "manifest.json": _("names all others"),
        "manifest.dsse.json": _("signature"),
    }
    return words.get(file.path, _("samples") if file.path.startswith("data/") else _("with recordings or pictures"))


_BASE = "datasets/<slug:community>/<slug:dataset>/"
urlpatterns: list[URLPattern] = [
    path(_BASE, dataset_page, name="dataset"),
    path(_BASE + "published/", version_list, name="published"),
    path(_BASE + "published/<int:number>/", version_page, name="published-version"),
    path(_BASE + "how-to-pull/", how_to_pull, name="how-to-pull"),
    path("keys/<slug:keyid>.pem", public_key, name="public-key"),
]
