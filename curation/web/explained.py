"""What would change if a vote on a version, or on the end of a case, passed."""

from django.urls import reverse
from django.utils.translation import gettext as _

from curation.models import Takedown, Version
from governance.models import Proposal
from governance.web.explained import Explained, explains


@explains("version")
def _version(proposal: Proposal) -> Explained:
    version = Version.objects.filter(proposal=proposal).select_related("dataset__community").first()
    if version is None:
        return Explained()
    lines = [
        _(
            "It is built and may be pulled by whoever has an agreement for it, if everything else on its page is true too."
        )
    ]
    if version.note:
        lines.append(version.note)
    return Explained(lines, url=_page(version))


@explains("takedown")
def _takedown(proposal: Proposal) -> Explained:
    case = Takedown.objects.filter(proposal=proposal).select_related("version__dataset__community").first()
    if case is None:
        return Explained()
    upheld = bool(proposal.terms.get("upheld"))
    said = _("The version is withdrawn for good.") if upheld else _("The version comes back as it was.")
    return Explained([said], url=_page(case.version))


def _page(version: Version) -> str:
    dataset = version.dataset
    return reverse(
        "version", kwargs={"community": dataset.community.slug, "dataset": dataset.slug, "number": version.number}
    )
