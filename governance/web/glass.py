"""Break-glass: asking, agreeing, ending, in front of everybody; and looking, one sample at a time, each written down."""

from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import breakglass, media, roles
from governance.kernel.errors import Missing
from governance.models import BreakGlass, Community, Dataset, Person
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.groups import people_of
from governance.web.intake_samples import send_media
from governance.web.reach import NOT_HERE, person_of

PAGE = 20


class AskForm(Form):
    """Ask that somebody may look."""

    dataset = forms.ChoiceField(label=lazy("Into which dataset"))
    person = forms.ChoiceField(
        label=lazy("Who shall look"), help_text=lazy("A member. Somebody from outside is invited first.")
    )
    hours = forms.IntegerField(
        label=lazy("For how many hours"), min_value=1, max_value=breakglass.MOST_HOURS, initial=2
    )
    reason = forms.CharField(
        label=lazy("Why"),
        help_text=lazy("The whole community reads it at once. Name no group and no person's affairs."),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.datasets = {row.slug: row for row in Dataset.objects.filter(community=community).order_by("name")}
        self.fields["dataset"].choices = [(slug, row.name) for slug, row in self.datasets.items()]  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["person"].choices = people_of(community)  # type: ignore[attr-defined]  # a ChoiceField


@members
@require_http_methods(["GET", "HEAD", "POST"])
def glass(request: HttpRequest, community: str) -> HttpResponse:
    """What is open, what waits for a second keeper, what was; everybody here reads it. Keepers ask here."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me, now = person_of(request), timezone.now()
    is_keeper = roles.KEEPER in roles.roles_of(me, here)
    form = AskForm(request.POST or None, community=here)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        asked = form.attempt(
            breakglass.ask,
            form.datasets[given["dataset"]],
            person=Person.objects.get(public_id=given["person"]),
            reason=given["reason"],
            hours=given["hours"],
            by=me,
        )
        if asked is not None:
            messages.info(request, _("Asked. Nothing is open yet: another keeper must agree."))
            return redirect("glass", community=community)
    rows = BreakGlass.objects.filter(community=here).select_related("person", "asked_by", "seconded_by", "dataset")
    opened, waiting = rows.open_at(now), rows.asked_at(now)
    over = rows.filter(opened_at__isnull=False).exclude(pk__in=opened.values("pk")).order_by("-opened_at")
    context = {
        "place": "groups",
        "opened": opened.order_by("opened_at"),
        "waiting": [(row, is_keeper and me.pk not in {row.asked_by_id, row.person_id}) for row in waiting],
        "page": Paginator(over, PAGE).get_page(request.GET.get("page")),
        "form": form if is_keeper else None,
        "is_keeper": is_keeper,
    }
    return render(request, "governance/glass.html", context, status=422 if form.errors else 200)


def opening_or_404(community: Community, public_id: str) -> BreakGlass:
    """An opening of the community, or ``Missing``; everybody in it may know of each."""
    found = BreakGlass.objects.filter(community=community, public_id=public_id)
    row = found.select_related("person", "asked_by", "dataset__community", "community").first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    return row


@members
@require_POST
def glass_second(request: HttpRequest, community: str, opening: str) -> HttpResponse:
    """Agree as the second keeper."""
    breakglass.second(opening_or_404(request.community, opening), by=person_of(request))  # type: ignore[attr-defined]  # set by @members
    messages.success(request, _("It is open now, and everybody here can see that it is."))
    return redirect("glass", community=community)


@members
@require_POST
def glass_end(request: HttpRequest, community: str, opening: str) -> HttpResponse:
    """End it before its time, or take the question back."""
    breakglass.end(opening_or_404(request.community, opening), by=person_of(request))  # type: ignore[attr-defined]  # set by @members
    messages.success(request, _("Closed. What was seen until now stays written down."))
    return redirect("glass", community=community)


@never_cache
@members
@require_safe
def glass_samples(request: HttpRequest, community: str, opening: str) -> HttpResponse:
    """What the person of an opening may look at: numbers only; a sample is shown on its own page."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    row = breakglass.opening_of(person_of(request), here, opening)
    page = Paginator(breakglass.samples(row).order_by("pk"), PAGE).get_page(request.GET.get("page"))
    seen = set(row.views.values_list("sample__uid", flat=True))
    context = {"place": "groups", "dataset": row.dataset, "opening": row, "page": page, "seen": seen}
    return render(request, "governance/glass_samples.html", context)


@never_cache
@members
@require_safe
def glass_sample(request: HttpRequest, community: str, opening: str, uid: str) -> HttpResponse:
    """Show one sample, after writing down that it was shown."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    row = breakglass.opening_of(me, here, opening)
    found = breakglass.see(row, uid, by=me)
    others = sorted((key, value) for key, value in found.data.items() if key != row.dataset.text_column)
    context = {"place": "groups", "dataset": row.dataset, "opening": row, "sample": found, "others": others}
    return render(request, "governance/glass_sample.html", context)


@never_cache
@members
@require_safe
def glass_media(request: HttpRequest, community: str, opening: str, uid: str) -> HttpResponse:
    """Send the recording or picture of a sample under an opening."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    found = breakglass.see(breakglass.opening_of(me, here, opening), uid, by=me)
    if found.media is None or not media.path_of(found.media.sha256).is_file():
        raise Missing("not-found", NOT_HERE)
    return send_media(request, found.media.sha256, found.media.mime, found.media.size, may_keep=False)


_BASE = "communities/<slug:community>/break-glass/"
urlpatterns: Sequence[URLPattern] = [
    path(_BASE, glass, name="glass"),
    path(_BASE + "<str:opening>/second/", glass_second, name="glass-second"),
    path(_BASE + "<str:opening>/end/", glass_end, name="glass-end"),
    path(_BASE + "<str:opening>/samples/", glass_samples, name="glass-samples"),
    path(_BASE + "<str:opening>/samples/<str:uid>/", glass_sample, name="glass-sample"),
    path(_BASE + "<str:opening>/samples/<str:uid>/media/", glass_media, name="glass-media"),
]
