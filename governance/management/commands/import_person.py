"""``manage.py import_person COMMUNITY/DATASET FILE.zip``: bring in what somebody took with them from another Wellhouse.

Prints one JSON document: ``contributors, new, unchanged, refused, answers``. Exit 0: good; 1: rows were refused; 2: the input
cannot be used, ``{"error": {"code", "message", "path"}}``.
"""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from governance import portable
from governance.kernel.errors import Missing, Refusal
from governance.kernel.words import _
from governance.models import Dataset, Membership
from governance.roles import DESK


class Command(BaseCommand):
    """Bring in what somebody took with them."""

    help = "Bring in a portable export: the samples of one person, whose they are, and what they agreed to."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the docstring promises."""
        parser.add_argument("dataset", metavar="COMMUNITY/DATASET")
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--name", default="", help="how this community calls the person")
        parser.add_argument("--by", default="", metavar="USER", help="the keeper or steward who brings it in")

    def handle(self, *args: object, **options: Any) -> None:
        """Answer; every refusal is exit 2."""
        try:
            community, _slash, slug = options["dataset"].partition("/")
            into = Dataset.objects.filter(community__slug=community, slug=slug).select_related("community").first()
            current = Membership.objects.current().filter(community__slug=community, role__in=DESK).order_by("pk")
            named = current.filter(person__username=options["by"].lower()) if options["by"] else current
            first = named.select_related("person").first()
            if into is None or first is None:
                raise Missing("not-found", _("There is no dataset {name}."), name=options["dataset"])
            brought = portable.bring(Path(options["file"]), into=into, by=first.person, name=options["name"])
        except OSError:
            self._fail("no-such-file", f"{options['file']} cannot be read", options["file"])
        except Refusal as refusal:
            self._fail(refusal.code, " ".join(str(reason) for reason in refusal.reasons), options["file"])
        self.stdout.write(json.dumps(asdict(brought)))
        sys.exit(1 if brought.refused else 0)

    def _fail(self, code: str, message: str, path: str) -> None:
        self.stdout.write(json.dumps({"error": {"code": code, "message": message, "path": path}}, ensure_ascii=False))
        sys.exit(2)
