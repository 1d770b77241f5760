"""Making a version's files: the request for it. The work itself is ``curation.build_runs``, which only workers load.

A build may be asked for again at any time: of an approved version it publishes, of a published one it proves that the same
members and recipe still give the same bytes.
"""

from curation.models import Build, Version
from governance.kernel import jobs
from governance.kernel.errors import Conflict
from governance.kernel.words import _

BUILDABLE = frozenset({Version.Status.APPROVED.value, Version.Status.PUBLISHED.value})


def start(version: Version) -> Build:
    """Queue a build of ``version`` and return its row; one that is under way already is returned as it is.

    Belongs into the transaction that approves the version. Raises ``Conflict`` (``version-not-approved``).
    """
    if version.status not in BUILDABLE:
        raise Conflict("version-not-approved", _("Only a version that the community approved is built."))
    running = version.builds.filter(status__in=(Build.Status.QUEUED, Build.Status.RUNNING)).first()
    if running is not None:
        return running
    build = Build.objects.create(version=version)
    jobs.later(build)
    return build
