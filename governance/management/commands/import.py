"""``manage.py import COMMUNITY/DATASET FILE``: bring a file of samples into a dataset.

Prints one JSON document: ``import, new, changed, unchanged, refused, report``. Exit 0: good; 1: rows were refused; 2: the input
cannot be used, ``{"error": {"code", "message", "path"}}``. Progress and what we understood go to standard error.
"""

import json
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from governance import look, media, samples
from governance.formats import FORMATS
from governance.kernel import jobs
from governance.kernel.errors import Invalid, Missing, Refusal
from governance.kernel.words import _
from governance.models import Dataset, Import, Membership, Person
from governance.roles import roles_of
from governance.sheets import VOICES, Settings, settle_roles

ALIASES = {"tsv": "csv", "xlsx": "excel", "ndjson": "jsonl", "label-studio": "label_studio"}
FIELDS = {"key": "id", "number": "id", "drop": "leave", "skip": "leave", "keep": "data", "source_split": "split"}
DESK = frozenset({Membership.Role.KEEPER, Membership.Role.STEWARD})


class Command(BaseCommand):
    """Bring a file of samples into a dataset."""

    help = "Bring a file of samples (CSV, TSV, JSON Lines, Excel, Parquet, Label Studio JSON) into a dataset."
    requires_system_checks: list[str] = []  # none: they cost more than a small import

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what commands.md promises, and how to read the file."""
        parser.add_argument("dataset", metavar="COMMUNITY/DATASET")
        parser.add_argument("file", metavar="FILE")
        known = ", ".join([*FORMATS, *ALIASES])
        parser.add_argument("--format", action="append", default=[], help=f"{known}; or json, the form of the answer")
        parser.add_argument("--map", nargs="+", action="extend", default=[], metavar="COLUMN=FIELD")
        parser.add_argument("--contributor", default="", metavar="NAME")
        parser.add_argument("--contributor-column", default="", metavar="COLUMN")
        parser.add_argument(
            "--voice-column",
            action="append",
            default=[],
            metavar="COLUMN[=ROLE]",
            help="speaker, narrator, translator, heard",
        )
        parser.add_argument("--voice-separator", default="", metavar="TEXT", help="between several names; default ;")
        parser.add_argument("--label-column", default="", metavar="COLUMN")
        parser.add_argument("--media-root", default="", metavar="DIR")
        parser.add_argument("--dry-run", action="store_true")
        parser.add_argument("--all-or-nothing", action="store_true")
        parser.add_argument("--wait", action="store_true", help="do it now, in this process")
        parser.add_argument("--by", default="", metavar="USER", help="the keeper or steward who brings it in")
        parser.add_argument("--delimiter", default="")
        parser.add_argument("--quoting", default="")
        parser.add_argument("--encoding", default="")
        parser.add_argument("--sheet", default="")

    def handle(self, *args: object, **options: Any) -> None:
        """Answer; every refusal is exit 2."""
        try:
            row = self._start(options)
            if options["wait"]:
                row = self._wait(row)
        except Refusal as refusal:
            path = next((reason.path for reason in refusal.reasons if reason.path), options["file"])
            self._fail(refusal.code, " ".join(str(reason) for reason in refusal.reasons), path)
        self._answer(row)
        if row.status == Import.Status.FAILED:
            sys.exit(2)
        sys.exit(1 if row.refused else 0)

    def _start(self, options: dict[str, Any]) -> Import:
        dataset = self._dataset(options["dataset"])
        path = Path(options["file"])
        if not path.is_file():
            raise Invalid("no-such-file", _("There is no file {name}."), name=str(path))
        wanted = [name for name in options["format"] if name != "json"]
        format = ALIASES.get(wanted[-1], wanted[-1]) if wanted else look.guess_format(path, path.name)
        if format not in FORMATS:
            raise Invalid("unknown-format", _("Which format is {name}? Say it with --format."), name=path.name)
        delimiter = {"tab": "\t", "\\t": "\t"}.get(options["delimiter"], options["delimiter"])
        reading = Settings(delimiter, options["quoting"], options["encoding"], options["sheet"])
        columns = look.look(path, format, reading)
        roles = settle_roles(columns.roles, self._given(options, columns.names))
        if options["contributor"]:
            roles = {name: "leave" if role == "contributor" else role for name, role in roles.items()}
        for warning in columns.warnings:
            self.stderr.write(str(warning))
        for name, role in roles.items():
            self.stderr.write(f"{name} → {role}" + (f" ({columns.notes[name]})" if columns.notes.get(name) else ""))
        settings: dict[str, object] = {"roles": roles, "contributor": options["contributor"]}
        settings |= {"delimiter": delimiter, "quoting": options["quoting"], "encoding": options["encoding"]}
        settings["voice_separator"] = options["voice_separator"]
        settings |= {"sheet": options["sheet"], "media_root": self._root(options["media_root"])}
        return samples.start_import(
            dataset,
            path=path,
            filename=path.name,
            format=format,
            settings={name: value for name, value in settings.items() if value},
            by=self._by(dataset, options["by"]),
            all_or_nothing=options["all_or_nothing"],
            dry_run=options["dry_run"],
            here=options["wait"],
        )

    def _dataset(self, name: str) -> Dataset:
        community, _slash, slug = name.partition("/")
        found = Dataset.objects.select_related("community").filter(community__slug=community, slug=slug).first()
        if found is None:
            raise Missing("not-found", _("There is no dataset {name}. Name it as COMMUNITY/DATASET."), name=name)
        return found

    def _by(self, dataset: Dataset, username: str) -> Person:
        """The person in whose name it happens: the one named, else who registered the dataset, else its first keeper."""
        if username:
            found = Person.objects.filter(username=username.lower()).first()
        elif roles_of(dataset.created_by, dataset.community) & DESK:
            found = dataset.created_by
        else:
            keepers = Membership.objects.current().filter(community=dataset.community, role__in=DESK)
            first = keepers.order_by("pk").select_related("person").first()
            found = first.person if first else None
        if found is None:
            raise Missing(
                "not-found", _("There is nobody here who may bring samples in. Name a keeper or steward with --by.")
            )
        return found

    def _given(self, options: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
        given: dict[str, str] = {}
        for pair in options["map"]:
            column, equals, field = pair.rpartition("=")
            if not equals or not field:
                raise Invalid("bad-mapping", _("Write --map COLUMN=FIELD, not {pair}."), pair=pair)
            given[column] = FIELDS.get(field, field)
        for column in options["voice_column"]:
            name, _equals, voice = column.partition("=")
            given[name] = f"voice-{voice or 'speaker'}"
            if given[name] not in VOICES:
                raise Invalid("bad-mapping", _("Write --map COLUMN=FIELD, not {pair}."), pair=column)
        for option, role in (("contributor_column", "contributor"), ("label_column", "label")):
            if options[option]:
                given[options[option]] = role
        unknown = sorted(given.keys() - set(names))
        if unknown:
            message = _("This file has no column called {names}. It has: {known}.")
            raise Invalid("no-such-column", message, names=", ".join(unknown), known=", ".join(names))
        return given

    def _root(self, given: str) -> str:
        if given and not Path(given).is_dir():
            raise Invalid("no-media-folder", _("There is no folder {name}."), name=given)
        return str(Path(given).resolve()) if given else ""

    def _wait(self, row: Import) -> Import:
        """Do the work here, or wait for whoever took it first."""
        jobs.work(jobs.label_of(row), row.pk)
        row.refresh_from_db()
        while not row.is_over:
            time.sleep(0.5)
            row.refresh_from_db()
        return row

    def _answer(self, row: Import) -> None:
        if row.status == Import.Status.FAILED:
            self._fail(row.error_code, row.message, row.filename)
        report = str(media.root("reports") / row.report) if row.report else None
        counts = {name: getattr(row, name) for name in ("new", "changed", "unchanged", "refused")}
        self.stdout.write(json.dumps({"import": row.public_id, **counts, "report": report, "status": row.status}))

    def _fail(self, code: str, message: str, path: str) -> NoReturn:
        self.stdout.write(json.dumps({"error": {"code": code, "message": message, "path": path}}, ensure_ascii=False))
        sys.exit(2)
