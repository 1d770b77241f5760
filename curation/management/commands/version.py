"""``version NS/NAME``: propose, vote on and build a version from the command line; prints how it stands. See commands.md."""

import json
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from annotations.models import Campaign
from curation import builds, versions
from curation.models import Build, CheckRun, Version
from governance.kernel import jobs
from governance.kernel.errors import Missing, Refusal
from governance.kernel.words import _
from governance.models import Dataset, Person

PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 3600


class Command(BaseCommand):
    """Propose, approve and build."""

    help = "Propose, approve or build a version of COMMUNITY/DATASET, and print how it stands."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say which dataset, and what to do."""
        parser.add_argument("dataset", metavar="COMMUNITY/DATASET")
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--propose", action="store_true", help="propose the next version")
        what.add_argument("--approve", type=int, metavar="N", help="say yes to version N")
        what.add_argument("--build", type=int, metavar="N", help="build version N, again if it was built")
        parser.add_argument(
            "--by", default="", metavar="USER", help="who does it: a username; needed to propose and to approve"
        )
        parser.add_argument(
            "--campaign", default="", metavar="SLUG", help="whose answers become labels; the newest when not given"
        )
        parser.add_argument("--purposes", default="", metavar="a,b", help="what the rules allow when not given")
        parser.add_argument("--reason", default="", help="why, for the ballot or the note")
        parser.add_argument("--wait", action="store_true", help="do what waits here, until the version stands still")
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and print how the version stands; exit 1 when something is not met, 2 when it cannot be done."""
        try:
            version = self.act(options)
        except Refusal as refusal:
            self.refuse(refusal, options["format"])
        if options["wait"]:
            self.wait(version)
        met = self.tell(version, options["format"])
        if not met or version.status in {Version.Status.FAILED, Version.Status.REJECTED}:
            sys.exit(1)

    def act(self, options: dict[str, Any]) -> Version:
        """Propose, approve or build as asked; without any of these the newest version is shown."""
        dataset = dataset_named(options["dataset"])
        if options["propose"]:
            campaigns = Campaign.objects.filter(dataset=dataset).exclude(label_control="").order_by("-pk")
            if options["campaign"]:
                campaigns = campaigns.filter(slug=options["campaign"])
            wanted = [code.strip() for code in options["purposes"].split(",") if code.strip()] or None
            by = person_named(options["by"])
            return versions.propose(dataset, campaign=campaigns.first(), by=by, purposes=wanted, note=options["reason"])
        if options["approve"] is not None:
            found = version_numbered(dataset, options["approve"])
            return versions.approve(found, by=person_named(options["by"]), choice="yes", reason=options["reason"])
        if options["build"] is not None:
            found = version_numbered(dataset, options["build"])
            builds.start(found)
            return found
        newest = dataset.versions.order_by("-number").first()
        if newest is None:
            raise Missing("version-missing", _("This dataset has no version yet."))
        return newest

    def wait(self, version: Version) -> None:
        """Work on what waits until nothing of this version does; other workers may share it."""
        until = time.monotonic() + PATIENCE_SECONDS
        while is_moving(version) and time.monotonic() < until:
            if not jobs.work_waiting(limit=1):
                time.sleep(PAUSE_SECONDS)
            version.refresh_from_db()
            self.stderr.write(f"{version.tag}: {version.status}")

    def tell(self, version: Version, form: str) -> bool:
        """Print the version; say whether everything is met."""
        version.refresh_from_db()
        found = versions.conditions(version) if version.status in versions.OPEN else []
        if form == "json":
            answer = {
                "version": version.tag,
                "state": version.status,
                "conditions": [{"code": c.code, "met": c.met, "why": f"{c.sentence}. {c.why}".strip()} for c in found],
                "commit": version.commit or None,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
        else:
            self.stdout.write(f"{version}: {version.status}{' ' + version.commit if version.commit else ''}")
            for one in found:
                self.stdout.write(
                    f"  {'ok  ' if one.met else '... ' if one.met is None else 'STOP'} {one.sentence}. {one.why}"
                )
        return all(one.met is not False for one in found)

    def refuse(self, refusal: Refusal, form: str) -> None:
        """Say why it cannot be done, and exit 2."""
        if form == "json":
            error = {
                "code": refusal.code,
                "message": " ".join(map(str, refusal.reasons)),
                "path": refusal.reasons[0].path,
            }
            self.stdout.write(json.dumps({"error": error}, ensure_ascii=False))
        else:
            for reason in refusal.reasons:
                self.stderr.write(f"{reason.code}: {reason}")
        sys.exit(2)


def is_moving(version: Version) -> bool:
    """Say whether a job of this version is queued or at work."""
    waiting = (Build.Status.QUEUED, Build.Status.RUNNING)
    return (
        version.status == Version.Status.FREEZING
        or CheckRun.objects.filter(version=version, status__in=waiting).exists()
        or Build.objects.filter(version=version, status__in=waiting).exists()
    )


def dataset_named(name: str) -> Dataset:
    """Return the dataset of ``community/dataset``."""
    community, _slash, slug = name.partition("/")
    found = Dataset.objects.select_related("community").filter(community__slug=community, slug=slug).first()
    if found is None:
        raise Missing("dataset-missing", _("There is no dataset {name}."), name=name)
    return found


def person_named(username: str) -> Person:
    """Return the person with that username."""
    found = Person.objects.filter(username=username.strip().lower(), is_active=True).first()
    if found is None:
        raise Missing(
            "person-missing", _("Say who does it with --by USER; there is nobody called “{name}”."), name=username
        )
    return found


def version_numbered(dataset: Dataset, number: int) -> Version:
    """Return the version of that number."""
    found = dataset.versions.filter(number=number).first()
    if found is None:
        raise Missing("version-missing", _("There is no version {number} of it."), number=number)
    return found
