"""What became of it: one withdrawal for the desk and for the person; where words went; and the letter's page for a party.

The first two show several floors, so they live on the highest. The desk sees the case, the person their own page, the party only
what its letter is about.
"""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from curation import aftermaths, notices, receipts, revocations
from curation.models import Notice, RevocationList
from governance import roles, withdrawals
from governance.kernel.digests import canonical
from governance.kernel.errors import Missing
from governance.models import Community, Contributor, Event, Hold, Withdrawal
from governance.odrl.purposes import STANDARD
from governance.web.access_rules import members, public
from governance.web.forms import Form, sentence
from governance.web.reach import NOT_HERE, person_of
from governance.web.signin import address_of
from governance.web.withdrawals import CodeForm, withdrawal_or_404

LINES = 6
"""How many things a party names on the letter's page; more go into a signed receipt."""


@dataclass(frozen=True)
class Must:
    """One thing that must be true before a withdrawal is closed."""

    state: str
    text: str
    why: str = ""


@members
@require_safe
def withdrawal_page(request: HttpRequest, community: str, withdrawal: str) -> HttpResponse:
    """What became of it: for the desk the case, for the person their receipt."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    row = withdrawal_or_404(here, me, withdrawal)
    held = roles.roles_of(me, here)
    after = aftermaths.of(row)
    context = {
        "place": "withdrawals",
        "row": row,
        "event": Event.objects.filter(
            object_kind="withdrawal", object_id=row.public_id, verb="withdrawal.open"
        ).first(),
        "is_desk": bool(held & roles.DESK),
        "is_keeper": roles.KEEPER in held,
        "is_own": row.contributor is not None and row.contributor.person_id == me.pk,
        "pieces": withdrawals.touched(row).count(),
        "purposes": [_(STANDARD[code].title) for code in row.purposes if code in STANDARD],
        "held": Hold.objects.filter(origin_kind="withdrawal", origin_id=row.public_id, lifted_at=None).count(),
        "after": after,
        "musts": _musts(row, after),
        "lists": _lists(after),
    }
    return render(request, "curation/withdrawal.html", context)


@members
@require_POST
def remind(request: HttpRequest, community: str, withdrawal: str, notice: str) -> HttpResponse:
    """Write to a party once more."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    row = withdrawal_or_404(here, person_of(request), withdrawal)
    found = Notice.objects.filter(public_id=notice, entry__origin_id=row.public_id).select_related("party").first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    notices.remind(found, by=person_of(request))
    messages.success(request, _("Written once more. Each attempt stands in the list."))
    return redirect("withdrawal", community=community, withdrawal=withdrawal)


@members
@require_safe
def journey_page(request: HttpRequest, community: str) -> HttpResponse:
    """A member's own words: where they went, who pulled them, who was told, who answered."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    teller = here.contributors.filter(person=person_of(request)).first()
    if teller is None:
        return render(request, "governance/withdraw_none.html", {"place": "words"})
    return render(request, "curation/journey.html", {"place": "words", **_journey(teller)})


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def journey_by_code(request: HttpRequest) -> HttpResponse:
    """The same without an account, with the code of the consent receipt."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            teller = withdrawals.open_with_code(form.cleaned_data["code"], address=address_of(request), dry=True)
        except Missing as refusal:
            form.add_error("code", sentence(refusal.reasons[0]))
        else:
            assert isinstance(teller, Contributor)  # a dry run opens nothing
            return render(request, "curation/journey_by_code.html", {"community": teller.community, **_journey(teller)})
    return render(request, "curation/journey_code.html", {"form": form}, status=422 if form.errors else 200)


class AnswerForm(Form):
    """What a party did with its copies and with what it made of them."""

    copies = forms.CharField(
        label=lazy("Which copies did you have?"),
        help_text=lazy("A line each, for example: the cache of the training server."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    deleted = forms.BooleanField(
        label=lazy("Every copy that can be deleted is deleted, and nobody uses the version any more")
    )
    none_made = forms.BooleanField(label=lazy("Nothing was trained on it or made from it"), required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        acts = [("", _("choose")), *((code, str(words)) for code, words in ACT_WORDS.items())]
        for n in range(1, LINES + 1):
            self.fields[f"name_{n}"] = forms.CharField(
                label=_("What was made"), required=False, max_length=200, widget=forms.TextInput(attrs={"dir": "auto"})
            )
            self.fields[f"act_{n}"] = forms.ChoiceField(label=_("What you did with it"), required=False, choices=acts)
            self.fields[f"reason_{n}"] = forms.CharField(
                label=_("If it cannot be undone: why"), required=False, max_length=500,
                widget=forms.TextInput(attrs={"dir": "auto"}),
            )  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Hold what belongs together to each other."""
        given: dict[str, Any] = super().clean() or {}
        made = False
        for n in range(1, LINES + 1):
            name, act = given.get(f"name_{n}"), given.get(f"act_{n}")
            made = made or bool(name)
            if name and not act:
                self.add_error(f"act_{n}", _("Say what you did with it."))
            if act == receipts.UNDOABLE and not given.get(f"reason_{n}"):
                self.add_error(f"reason_{n}", _("Say why it cannot be undone."))
        if not made and not given.get("none_made"):
            self.add_error("none_made", _("Name what was made, or say that nothing was."))
        return given

    @property
    def rows(self) -> list[tuple[Any, Any, Any]]:
        """The lines, as the page draws them."""
        return [(self[f"name_{n}"], self[f"act_{n}"], self[f"reason_{n}"]) for n in range(1, LINES + 1)]

    def said(self) -> dict[str, list[dict[str, str]]]:
        """The copies and the derived things of a receipt."""
        given = self.cleaned_data
        copies = [line.strip() for line in given["copies"].splitlines() if line.strip()]
        made = [
            {"name": given[f"name_{n}"], "act": given[f"act_{n}"], "reason": given[f"reason_{n}"]}
            for n in range(1, LINES + 1)
            if given[f"name_{n}"]
        ]
        return {
            "copies": [{"what": what[:500], "act": receipts.DELETED} for what in copies],
            "derived": [{k: v for k, v in one.items() if v} for one in made],
        }


class SignedForm(Form):
    """A receipt that was signed elsewhere."""

    receipt = forms.CharField(
        label=lazy("The signed receipt"),
        max_length=receipts.LARGEST,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false"}),
    )


ACT_WORDS = {
    receipts.RETRAINED: lazy("made again without these samples"),
    receipts.RETIRED: lazy("not used any more"),
    receipts.DELETED: lazy("deleted"),
    receipts.UNDOABLE: lazy("cannot be undone"),
}


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def answer_page(request: HttpRequest, notice: str, code: str) -> HttpResponse:
    """The page of a letter: a party says what it did; one that has a key takes the statement away and signs it."""
    found = notices.by_code(notice, code)
    do = request.POST.get("do", "")
    answer = AnswerForm(request.POST if do in ("answer", "prepare") else None)
    signed = SignedForm(request.POST if do == "signed" else None)
    if do == "seen":
        notices.acknowledge(found)
        return redirect(request.path)
    prepared = ""
    if do in ("answer", "prepare") and answer.is_valid():
        acts, said = [str(one) for one in revocations.ACTS[found.entry.kind]], answer.said()
        if not found.party.key_id:
            receipts.take_by_code(found, acts=acts, copies=said["copies"], derived=said["derived"])
            return redirect(request.path)
        statement = receipts.statement(found, acts=acts, copies=said["copies"], derived=said["derived"])
        prepared = canonical(statement).decode()
    if do == "signed" and signed.is_valid():
        taken = signed.attempt(receipts.take_for, found, jws=signed.cleaned_data["receipt"].strip())
        if taken is not None:
            return redirect(request.path)
    context = {
        "community": found.community,
        "notice": found,
        "entry": found.entry,
        "version": found.entry.version,
        "dataset": found.entry.version.dataset,
        "form": answer,
        "signed": signed,
        "prepared": prepared,
        "receipts": list(found.receipts.order_by("pk")),
        "has_key": bool(found.party.key_id),
    }
    return render(request, "curation/answer.html", context, status=422 if answer.errors or signed.errors else 200)


def _journey(teller: Contributor) -> dict[str, object]:
    went = aftermaths.journey(teller)
    return {
        "teller": teller,
        "went": went,
        "pulls": sum(len(one.pulls) for one in went),
        "told": aftermaths.told_about(teller),
    }


def _musts(row: Withdrawal, after: aftermaths.Aftermath) -> list[Must]:
    """What must be true before everything is done; it is read, and nobody ticks it off."""
    if not row.holds_now:
        return []
    found = [
        Must("met" if row.closed_at else "wait", _("Keepers know who it was"), _("The hold did not wait for this.")),
        Must(
            "met" if after.reached == len(after.told) else "wait",
            _("Everyone who pulled was told"),
            _("%(n)d of %(all)d.") % {"n": after.reached, "all": len(after.told)},
        ),
        Must(
            "met" if after.answered == len(after.told) else "no" if after.late else "wait",
            _("Everyone answered"),
            _("%(n)d of %(all)d. Who is late is given nothing.") % {"n": after.answered, "all": len(after.told)},
        ),
    ]
    if after.touched:
        found.append(Must("met" if after.is_replaced else "wait", _("A version without them is out")))
    if not row.purposes:
        is_erased = after.erasure is not None and after.erasure.status == after.erasure.Status.DONE
        day = after.erased_by.date().isoformat()
        found.append(
            Must("met" if is_erased else "wait", _("Erased here"), "" if is_erased else _("By %(day)s.") % {"day": day})
        )
    return found


def _lists(after: aftermaths.Aftermath) -> list[tuple[Any, int, str]]:
    """For each dataset that was touched: it, how long its list is, and where the list is."""
    datasets = {entry.dataset_id: entry.version.dataset for entry in after.entries}
    heads = RevocationList.objects.filter(dataset__in=list(datasets)).values_list("dataset", "seq")
    return [(datasets[pk], seq, revocations.address(datasets[pk])) for pk, seq in heads]


_BASE = "communities/<slug:community>/"
urlpatterns: list[URLPattern] = [
    path("withdraw/where/", journey_by_code, name="journey-by-code"),
    path(_BASE + "words/where/", journey_page, name="journey"),
    path(_BASE + "withdrawals/<str:withdrawal>/", withdrawal_page, name="withdrawal"),
    path(_BASE + "withdrawals/<str:withdrawal>/remind/<str:notice>/", remind, name="withdrawal-remind"),
    path("answers/<str:notice>/<str:code>/", answer_page, name="answer"),
]
