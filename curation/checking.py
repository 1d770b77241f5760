"""Asking for checks. The work itself is ``curation.check_runs``, which only workers load."""

from django.db.models import Count, QuerySet

from curation.models import CheckRun, Finding, Version
from governance.acts import act
from governance.kernel import jobs
from governance.kernel.errors import Conflict
from governance.kernel.words import _
from governance.models import Dataset, Person

UNDER_WAY = frozenset({CheckRun.Status.QUEUED.value, CheckRun.Status.RUNNING.value})


def start(dataset: Dataset, *, by: Person, version: Version | None = None) -> CheckRun:
    """Queue the checks of ``dataset`` as it stands, or of a proposed ``version``; a run that is under way is returned as it is.

    Raises ``Conflict`` (``version-not-frozen``).
    """
    if version is not None and not version.members_root:
        raise Conflict(
            "version-not-frozen", _("Its members are not written down yet. The checks begin by themselves after that.")
        )
    running = dataset.check_runs.filter(version=version, status__in=UNDER_WAY).order_by("-pk").first()
    if running is not None:
        return running
    with act(by, "check.run", on=version or dataset) as details:
        run = queue(version, by=by) if version is not None else _queue(CheckRun(dataset=dataset, by=by))
        details["object"] = run
    return run


def queue(version: Version, *, by: Person | None = None) -> CheckRun:
    """Queue the checks of a frozen version, bound to its root and recipe; belongs into the caller's act."""
    return _queue(
        CheckRun(
            dataset=version.dataset,
            version=version,
            by=by,
            members_root=version.members_root,
            recipe_digest=version.recipe_digest,
        )
    )


def runs(dataset: Dataset, version: Version | None = None) -> "QuerySet[CheckRun]":
    """The runs of a dataset as it stands, or of one version, newest first."""
    return dataset.check_runs.filter(version=version).order_by("-pk")


def newest(dataset: Dataset, version: Version | None = None) -> CheckRun | None:
    """The newest run that has an answer."""
    return runs(dataset, version).filter(status=CheckRun.Status.DONE).first()


def of_version(version: Version) -> CheckRun | None:
    """The newest run over exactly the members and the recipe that ``version`` has now."""
    bound = version.check_runs.filter(members_root=version.members_root, recipe_digest=version.recipe_digest)
    return bound.order_by("-pk").first()


def tally(run: CheckRun) -> dict[str, int]:
    """How many findings of each status a run has."""
    return dict(Finding.objects.filter(run=run).values_list("status").annotate(n=Count("pk")).order_by())


def _queue(run: CheckRun) -> CheckRun:
    run.save()
    jobs.later(run)
    return run
