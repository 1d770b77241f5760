"""From an address to a thing, through what the person may see; what they may not see is a 404."""

from django.http import HttpRequest

from governance.kernel.errors import Missing
from governance.kernel.words import _
from governance.models import Community, Dataset, Membership, Person

NOT_HERE = _("There is nothing here that you can see. It may have another address, or it may not be for you.")


def person_of(request: HttpRequest) -> Person:
    """The person who is signed in; raises ``Missing`` for anybody else."""
    if not isinstance(request.user, Person):
        raise Missing("not-found", NOT_HERE)
    return request.user


def community_or_404(request: HttpRequest, slug: str) -> Community:
    """The community of that name, if the person is a member now."""
    mine = Membership.objects.current().filter(person=person_of(request)).values("community")
    found = Community.objects.filter(slug=slug, pk__in=mine).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def dataset_or_404(request: HttpRequest, community: str, slug: str) -> Dataset:
    """The dataset of that name in that community, if the person is a member now."""
    seen = Dataset.objects.visible_to(person_of(request)).select_related("community")
    found = seen.filter(community__slug=community, slug=slug).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found
