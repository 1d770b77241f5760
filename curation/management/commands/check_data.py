"""``check_data FILE…``: run the checks on files, without a database. docs: commands.md says input and output."""

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandParser

from curation import suites, tables
from curation.findings import STOPPING, Context, Finding, worst
from governance.kernel.errors import Invalid
from governance.kernel.words import _
from governance.sheets import Settings

MARKS = {"pass": "ok  ", "warn": "look", "block": "STOP", "error": "STOP", "not_applicable": "-   "}


class Command(BaseCommand):
    """Check files."""

    help = "Check data files (CSV, TSV): balance, leaks between the parts, doubles, disagreement. Needs no database."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what files there are and what their columns mean."""
        parser.add_argument(
            "files",
            nargs="+",
            type=Path,
            metavar="FILE",
            help="without --split, each file is a split named by its stem",
        )
        for name in ("label", "text", "split", "group", "annotator", "item", "slice"):
            parser.add_argument(f"--{name}", default="", metavar="COLUMN")
        parser.add_argument("--media", default="", metavar="COLUMN", help="names of media files")
        parser.add_argument("--media-root", type=Path, metavar="DIR")
        parser.add_argument("--delimiter", default="", help="found out when not given")
        parser.add_argument("--quoting", default="", choices=["", "minimal", "none"], help="found out when not given")
        parser.add_argument("--checks", default="", metavar="a,b", help=f"of: {', '.join(suites.CHECKS.names)}")
        parser.add_argument(
            "--policy", type=Path, metavar="FILE", help="JSON or YAML: labels, min_votes, checks: {id: {figure: value}}"
        )
        parser.add_argument("--format", default="text", choices=["text", "json"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Read, check, print; exit 1 when something stops the data, 2 when the input cannot be used."""
        try:
            answer = self.answer(options)
        except Invalid as refusal:
            self.refuse(refusal.code, str(refusal), str(refusal.reasons[0].values.get("path", "")), options["format"])
        if options["format"] == "json":
            self.stdout.write(json.dumps(answer, ensure_ascii=False, allow_nan=False, indent=1))
        else:
            self.tell(answer)
        if answer["status"] in STOPPING:
            sys.exit(1)

    def answer(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return what commands.md promises."""
        policy = read_policy(options["policy"])
        named = [name.strip() for name in options["checks"].split(",") if name.strip()]
        try:
            planned = suites.plan(named, policy["checks"])
        except KeyError as unknown:
            raise Invalid(
                "check-unknown",
                _("There is no check or figure “{name}”. Checks: {known}."),
                name=unknown.args[0],
                known=", ".join(suites.CHECKS.names),
            ) from unknown
        columns = {
            k: options[k] for k in ("text", "label", "split", "group", "annotator", "item", "media", "media_root")
        }
        settings = Settings(_delimiter(options["delimiter"]), options["quoting"])
        body = tables.read(options["files"], tables.Naming(**columns), settings, self.stderr.write)
        context = Context(
            labels=tuple(policy["labels"]),
            min_votes=policy["min_votes"],
            votes=body.votes,
            split_names=body.split_names,
        )
        found: list[Finding] = []
        for item, findings in suites.run(planned, body.members, context):
            self.stderr.write(f"{item.check_id}: {worst(f.status for f in findings)}")
            found += findings
        return {
            "status": worst(finding.status for finding in found),
            "n_rows": body.n_rows,
            "splits": {name: int((body.members["split"] == name).sum()) for name in body.split_names},
            "checks": [finding.to_json() for finding in found],
        }

    def tell(self, answer: Mapping[str, Any]) -> None:
        """Print one line a check, for a person."""
        parts = ", ".join(f"{name} {n:,}" for name, n in answer["splits"].items())
        self.stdout.write(f"{answer['n_rows']:,} rows{' (' + parts + ')' if parts else ''}: {answer['status']}")
        for check in answer["checks"]:
            self.stdout.write(f"  {MARKS[check['status']]}  {check['check_id']:24} {check['reason']}")

    def refuse(self, code: str, message: str, path: str, form: str) -> None:
        """Say why the input cannot be used, and exit 2."""
        if form == "json":
            error = {"code": code, "message": message, "path": path or None}
            self.stdout.write(json.dumps({"error": error}, ensure_ascii=False))
        else:
            self.stderr.write(f"{code}: {message}")
        sys.exit(2)


def read_policy(path: Path | None) -> dict[str, Any]:
    """Return labels, min_votes and figures by check; raises ``Invalid`` for a policy that is none."""
    empty: dict[str, Any] = {"labels": [], "min_votes": 0, "checks": {}}
    if path is None:
        return empty
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as broken:
        raise Invalid(
            "policy-unreadable", _("The policy {path} cannot be read: {why}"), path=str(path), why=str(broken)
        ) from broken
    if not isinstance(given, dict):
        raise Invalid("policy-unreadable", _("The policy {path} is no table of checks."), path=str(path))
    given = given if "checks" in given else {"checks": {k: v for k, v in given.items() if k not in empty}, **given}
    checks = given["checks"] or {}
    fits = isinstance(checks, dict) and all(
        isinstance(figures, dict) and all(_is_number(value) for value in figures.values())
        for figures in checks.values()
    )
    labels, votes = given.get("labels") or [], given.get("min_votes") or 0
    if not fits or not isinstance(labels, list) or not isinstance(votes, int):
        raise Invalid(
            "policy-unreadable",
            _("The policy {path} must hold figures for each check, as checks: {{class_balance: {{max_ratio: 20}}}}."),
            path=str(path),
        )
    return {"labels": [str(label) for label in labels], "min_votes": votes, "checks": checks}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _delimiter(given: str) -> str:
    return {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";"}.get(given, given)
