"""The charter: how this community decides, in plain words for every member; keepers write the next one here."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import charter, charters, communities, roles, votes
from governance.kernel.errors import Invalid, Missing, Refusal
from governance.models import CharterRevision, Community, Membership, Person, Proposal
from governance.web.access_rules import members, programs
from governance.web.charter_words import NAMES, name_of, rule_words
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, community_or_404, person_of

PAGE = 20
SHARES = [
    ("", lazy("a number, as written beside")),
    ("0.5", lazy("half of those who may answer")),
    ("0.6667", lazy("two thirds of them")),
    ("0.75", lazy("three quarters of them")),
    ("1", lazy("all of them")),
]
SHOWN = ("charter", "version", "role", "collective", "policy", "agreement", "takedown", "break-glass", "hand-over")


@dataclass(frozen=True)
class Said:
    """One kind of decision as the page tells it."""

    name: str
    title: str
    when: str
    sentences: list[str]
    effect: charters.Effect


class CharterForm(Form):
    """The next charter: the community's text, a rule for each kind of decision, groups, and where both yes are asked."""

    text = forms.CharField(
        label=lazy("In our own words"),
        help_text=lazy("Whatever the community wants to say about how it decides. Everybody here reads it."),
        required=False,
        max_length=charters.TEXT_LENGTH,
        widget=forms.Textarea({"rows": 8, "dir": "auto"}),
    )
    groups = forms.CharField(
        label=lazy("Groups for votes"),
        help_text=lazy(
            "One a line: a name, a colon, usernames with commas. For example “shore: ilse, tomas”. "
            "Only where a rule asks for yes from different groups."
        ),
        required=False,
        widget=forms.Textarea({"rows": 3, "dir": "auto", "spellcheck": "false"}),
    )
    both = forms.MultipleChoiceField(
        label=lazy("The community’s own yes is needed beside each person’s, for"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    why = forms.CharField(
        label=lazy("Why it changes"), required=False, max_length=500, widget=forms.Textarea({"rows": 2, "dir": "auto"})
    )
    over = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.community = community
        datasets = community.datasets.order_by("name", "pk").values_list("public_id", "name")
        self.fields["both"].choices = [("*", _("every dataset")), *datasets]  # type: ignore[attr-defined]  # a choice field
        held = [(role, _(communities.role_word(community, role))) for role in Membership.Role.values]
        for name in SHOWN:
            self.fields |= dict(_rule_fields(name, held))

    @property
    def rules(self) -> Iterator[dict[str, Any]]:
        """The fields of each kind of decision, for the page."""
        for name in SHOWN:
            fields = {key: self[f"{name}-{key}"] for key in _keys(name)}
            yield {
                "name": name,
                "title": NAMES[name][0],
                "when": NAMES[name][1],
                "fields": fields,
                "optional": name in charter.OPTIONAL,
                "has_errors": any(field.errors for field in fields.values()),
            }

    def body(self) -> dict[str, object]:
        """The charter as ``governance.charters`` reads it."""
        given = self.cleaned_data
        rules = {}
        for name in SHOWN:
            if name not in charter.OPTIONAL or given[f"{name}-asked"]:
                rules[name] = {key: _value(key, given[f"{name}-{key}"]) for key in _keys(name) if key != "asked"}
        both = given["both"]
        return {
            "text": given["text"],
            "rules": rules,
            "groups": self.cleaned_data["groups"],
            "both": True if "*" in both else both,
        }

    def refuse(self, refusal: Refusal) -> None:
        """Show each reason at the field of its rule."""
        reasons = [replace(one, path=self._field_of(one.path or "")) for one in refusal.reasons]
        super().refuse(type(refusal)(refusal.code, refusal.message, reasons=reasons))

    def _field_of(self, path: str) -> str:
        name = path.strip("/").replace("/", "-")
        return f"{name}-threshold" if name in SHOWN else name

    def clean_groups(self) -> dict[str, list[str]]:
        """Read the lines; raises for a username that nobody here has."""
        found: dict[str, list[str]] = {}
        people = Person.objects.filter(memberships__in=Membership.objects.current().filter(community=self.community))
        known = dict(people.values_list("username", "public_id"))
        for line in self.cleaned_data["groups"].splitlines():
            name, _colon, listed = line.partition(":")
            names = [one.strip().lower() for one in listed.split(",") if one.strip()]
            unknown = [one for one in names if one not in known]
            if unknown:
                raise forms.ValidationError(_("Nobody here is called %(names)s.") % {"names": ", ".join(unknown)})
            if line.strip():
                found[name.strip()] = sorted(known[one] for one in names)
        return found


def _keys(name: str) -> tuple[str, ...]:
    keys = (
        "who", "threshold", "share", "min_open_hours", "max_open_hours", "veto", "veto_hours", "min_distinct_groups", "proxies",
        "no_objection", "proposer_counts", "secret", "reasons",
    )  # fmt: skip
    return ("asked", *keys) if name in charter.OPTIONAL else keys


def _rule_fields(name: str, held: list[tuple[str, str]]) -> Iterator[tuple[str, forms.Field]]:
    number = forms.NumberInput({"inputmode": "numeric"})
    yes_no = {
        "asked": lazy("Ask for a vote on this"),
        "no_objection": lazy("Nobody may object"),
        "proposer_counts": lazy("Whoever proposes it counts too"),
        "secret": lazy("Answers are secret"),
        "reasons": lazy("A no must say why"),
    }
    counts = {
        "threshold": (lazy("How many yes"), 1),
        "min_open_hours": (lazy("Open for at least (hours)"), 0),
        "max_open_hours": (lazy("Ends after (hours; 0: no end)"), 0),
        "veto_hours": (lazy("Time for a veto after the yes (hours)"), 0),
        "min_distinct_groups": (lazy("From how many groups (0: does not matter)"), 0),
        "proxies": (lazy("How many others one person may answer for"), 0),
    }
    for key in _keys(name):
        field: forms.Field
        if key in yes_no:
            field = forms.BooleanField(label=yes_no[key], required=False)
        elif key in counts:
            label, least = counts[key]
            field = forms.IntegerField(label=label, min_value=least, max_value=charter.LONGEST_HOURS, widget=number)
        elif key == "share":
            field = forms.ChoiceField(label=lazy("Or a part of them"), choices=SHARES, required=False)
        else:
            label = lazy("Who may answer") if key == "who" else lazy("Who may stop it with a veto")
            field = forms.MultipleChoiceField(
                label=label, choices=held, required=key == "who", widget=forms.CheckboxSelectMultiple
            )
        yield f"{name}-{key}", field


def _value(key: str, given: Any) -> object:
    if key == "share":
        return float(given) if given else None
    if key in ("max_open_hours", "min_distinct_groups"):
        return given or None
    return given


@members
@require_safe
def charter_page(request: HttpRequest, community: str) -> HttpResponse:
    """The charter in force, and every one before it."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    body = charters.body_of(here)
    rows = here.charters.select_related("created_by", "proposal").order_by("-number")
    context = _context(here, body) | {
        "place": "charter",
        "number": charters.number_of(here),
        "may_change": roles.may(person_of(request), "charter.change", here),
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "open": Proposal.objects.filter(
            community=here, subject_kind=charters.KIND, status=Proposal.Status.OPEN
        ).first(),
    }
    return render(request, "governance/charter.html", context)


@members
@require_safe
def charter_revision_page(request: HttpRequest, community: str, number: int) -> HttpResponse:
    """One charter for ever."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    row = here.charters.select_related("created_by", "proposal").filter(number=number).first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    context = _context(here, row.body) | {"place": "charter", "row": row, "number": charters.number_of(here)}
    return render(request, "governance/charter_revision.html", context)


@members
@require_http_methods(["GET", "HEAD", "POST"])
def charter_change_page(request: HttpRequest, community: str) -> HttpResponse:
    """Write the next charter: what it would mean is shown before it is put into force or proposed."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    roles.require(me, "charter.change", here)
    form = CharterForm(request.POST or None, community=here, initial=_initial(here))
    draft: Mapping[str, object] | None = None
    if request.method == "POST" and form.is_valid():
        draft = _read(form, here)
        if draft is not None and request.POST.get("do") == "save":
            given = form.cleaned_data
            made = form.attempt(charters.change, here, body=draft, by=me, note=given["why"], over=given["over"])
            if isinstance(made, Proposal):
                messages.info(
                    request, _("It is proposed. It holds when the vote has passed; until then nothing changes.")
                )
                return redirect("vote", community=here.slug, vote=made.public_id)
            if isinstance(made, CharterRevision):
                messages.success(request, _("The charter holds from now on."))
                return redirect("charter", community=here.slug)
    context = {
        "place": "charter",
        "form": form,
        "is_voted_on": charters.is_voted_on(here),
        "changes": changes(here, charters.body_of(here), draft) if draft is not None else None,
        "lacking": [name_of(one.name) for one in charters.effects(here, draft) if not one.is_reachable]
        if draft is not None
        else [],
    }
    return render(request, "governance/charter_change.html", context, status=422 if form.errors else 200)


def _read(form: CharterForm, community: Community) -> dict[str, object] | None:
    """The draft in its one form; what is wrong with it is put on the form."""
    try:
        return charters.read(community, form.body())
    except Invalid as refusal:
        form.refuse(refusal)
        return None


def changes(community: Community, old: Mapping[str, object], new: Mapping[str, object]) -> list[dict[str, object]]:
    """What differs between two charters, by kind of decision, as sentences."""
    before, after = ({one.name: one for one in said(community, body)} for body in (old, new))
    found: list[dict[str, object]] = [
        {"title": one.title, "before": _told(before[one.name]), "after": _told(one)}
        for one in after.values()
        if _told(one) != _told(before[one.name])
    ]
    for key, title in (
        ("text", _("In our own words")),
        ("groups", _("Groups for votes")),
        ("both", _("Where both yes are needed")),
    ):
        if old.get(key) != new.get(key):
            found.append(
                {"title": title, "before": [_part(community, key, old)], "after": [_part(community, key, new)]}
            )
    return found


def _told(one: Said) -> list[str]:
    return one.sentences if one.effect.is_asked else [_("No vote: whoever has the role does it alone.")]


def _part(community: Community, key: str, body: Mapping[str, object]) -> str:
    value = body.get(key)
    if not value:
        return _("nothing")
    if key == "text":
        return str(value)
    if key == "both":
        return ", ".join(both_words(community, body))
    groups = value if isinstance(value, dict) else {}
    return "; ".join(f"{name}: {len(people)}" for name, people in groups.items())


def both_words(community: Community, body: Mapping[str, object]) -> list[str]:
    """For which datasets a charter asks for both yes."""
    both = body.get("both")
    if both is True:
        return [_("every dataset")]
    return list(
        community.datasets.filter(public_id__in=charter.texts(both)).order_by("name").values_list("name", flat=True)
    )


def said(community: Community, body: Mapping[str, object]) -> list[Said]:
    """Each kind of decision with its rule in sentences and what it means today."""
    trial = Community(pk=community.pk, charter=dict(body), authority_word=community.authority_word)
    effects = {one.name: one for one in charters.effects(community, body)}
    return [
        Said(
            name,
            str(NAMES[name][0]),
            str(NAMES[name][1]),
            rule_words(community, charter.rule_of(trial, name)),
            effects[name],
        )
        for name in SHOWN
    ]


def _context(community: Community, body: Mapping[str, object]) -> dict[str, Any]:
    told = said(community, body)
    groups = body.get("groups")
    named = groups if isinstance(groups, dict) else {}
    people = dict(
        Person.objects.filter(public_id__in=[p for ps in named.values() for p in ps]).values_list(
            "public_id", "display_name"
        )
    )
    return {
        "text": body.get("text", ""),
        "asked": [one for one in told if one.effect.is_asked],
        "not_asked": [one for one in told if not one.effect.is_asked],
        "groups": [(name, [people.get(one, _("somebody who left")) for one in ps]) for name, ps in named.items()],
        "both": both_words(community, body),
    }


def _initial(community: Community) -> dict[str, object]:
    body = charters.body_of(community)
    groups = charter.groups_of(community)
    names = dict(
        Person.objects.filter(public_id__in=[p for ps in groups.values() for p in ps]).values_list(
            "public_id", "username"
        )
    )
    given: dict[str, object] = {
        "text": body.get("text", ""),
        "groups": "\n".join(
            f"{name}: {', '.join(names.get(one, '') for one in people)}" for name, people in groups.items()
        ),
        "both": ["*"] if body.get("both") is True else charter.texts(body.get("both")),
        "over": charters.number_of(community),
    }
    for name in SHOWN:
        rule = charter.rule_of(community, name)
        for key in _keys(name):
            value = votes.is_asked(community, name) if key == "asked" else rule[key]
            given[f"{name}-{key}"] = _shown(key, value)
    return given


def _shown(key: str, value: object) -> object:
    if key == "share":
        return next(
            (
                code
                for code, _title in SHARES
                if code and isinstance(value, (int, float)) and abs(float(code) - value) < 0.001
            ),
            "",
        )
    if key in ("max_open_hours", "min_distinct_groups", "min_open_hours", "veto_hours"):
        return int(float(str(value))) if value else 0
    return value


class CharterSerializer(serializers.Serializer[Any]):
    """The charter: ``body`` is what ``PUT`` takes too; ``rules`` is every rule as it counts, with its sentences."""

    number = serializers.IntegerField(read_only=True)
    body = serializers.JSONField()
    rules = serializers.JSONField(read_only=True)
    note = serializers.CharField(write_only=True, required=False, allow_blank=True, default="")
    over = serializers.IntegerField(write_only=True, required=False, allow_null=True, default=None)
    proposal = serializers.CharField(read_only=True, required=False)


class Charter(APIView):
    """How the community decides."""

    @extend_schema(operation_id="charter_retrieve", responses=CharterSerializer)
    def get(self, request: Request, community: str) -> Response:
        """Read the one in force."""
        return Response(_charter_json(community_or_404(request, community)))

    @extend_schema(
        operation_id="charter_change",
        request=CharterSerializer,
        responses={200: CharterSerializer, 202: CharterSerializer},
    )
    def put(self, request: Request, community: str) -> Response:
        """Put the next one into force where one keeper acts alone (200), else open the vote on it (202)."""
        here = community_or_404(request, community)
        reader = CharterSerializer(data=request.data)
        reader.is_valid(raise_exception=True)
        given = reader.validated_data
        body = given["body"] if isinstance(given["body"], dict) else {"": None}
        made = charters.change(here, body=body, by=person_of(request), note=given["note"], over=given["over"])
        if isinstance(made, Proposal):
            return Response(_charter_json(here) | {"proposal": made.public_id}, status=status.HTTP_202_ACCEPTED)
        return Response(_charter_json(here))


def _charter_json(community: Community) -> dict[str, object]:
    body = charters.body_of(community)
    rules = {
        one.name: {"is_asked": one.effect.is_asked, "rule": charter.rule_of(community, one.name), "says": one.sentences}
        for one in said(community, body)
    }
    return {"number": charters.number_of(community), "body": body, "rules": rules}


urlpatterns: list[URLPattern] = [
    path("api/v1/communities/<slug:community>/charter/", programs(Charter), name="api-charter"),
    path("communities/<slug:community>/charter/", charter_page, name="charter"),
    path("communities/<slug:community>/charter/change/", charter_change_page, name="charter-change"),
    path("communities/<slug:community>/charter/<int:number>/", charter_revision_page, name="charter-revision"),
]
