"""Samples: what may be used, what may be seen, and how a file of them comes in.

Identity comes from where a sample stood (dataset, source, key), so importing twice makes no doubles. The import itself is a
job (``governance.intake``); here it is asked for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from django.conf import settings as site
from django.db.models import QuerySet

from governance import collective, consents, layers, media, protocols
from governance.acts import act
from governance.formats import FORMATS
from governance.kernel import jobs
from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.models import Dataset, Import, Person, Sample
from governance.sheets import ROLES

SOURCE_LENGTH = 255
SETTINGS = frozenset(
    {
        "roles",
        "groups",
        "needs_all",
        "contributor",
        "delimiter",
        "quoting",
        "encoding",
        "sheet",
        "media_root",
        "columns",
        "report_bytes",
        "voice_separator",
    }
)


def usable(dataset: Dataset, purposes: Sequence[str], at: datetime | None = None) -> QuerySet[Sample]:
    """The samples that may be used for every one of ``purposes`` at ``at``: every voice in them says so, nothing rests, and
    everyone in the community may see them. Unknown is no. Rules that somebody wrote about their own words, or about one
    sample, must allow it too. Where the community must say yes itself, nothing may be used before.
    """
    if not collective.allows(dataset, purposes, at):
        return Sample.objects.none()
    open_to_all = Sample.objects.filter(dataset=dataset, protocol__in=protocols.leaving(dataset, purposes, at))
    covered = consents.covered(open_to_all, dataset, purposes, at)
    return covered.exclude(layers.refusing(dataset.community, purposes, at)).not_held()


def start_import(
    dataset: Dataset,
    *,
    path: Path,
    filename: str,
    format: str,
    settings: Mapping[str, object],
    by: Person,
    all_or_nothing: bool = False,
    dry_run: bool = False,
    here: bool = False,
) -> Import:
    """Keep the file under its own hash and queue its import.

    ``settings`` may have ``groups`` (public ids of groups that ``by`` knows, who alone may see what is new; an empty list: whoever
    gave it and the keepers). It has ``roles`` (column: role of ``governance.sheets.ROLES``, or another word: the name it is kept
    under) and, if wanted, ``contributor`` (one name for the whole file), ``delimiter``, ``quoting``, ``encoding``, ``sheet``,
    ``media_root``. With ``here`` nobody is rung: the caller works on it, and the sweep finds it if that fails. Raises ``Invalid``
    with every reason; nothing of the rows is read here.
    """
    reasons = list(_reasons(path, filename, format, settings))
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    if settings.get("groups"):
        protocols.groups_named(dataset.community, _public_ids(settings["groups"]), by=by)
    stored = media.keep_import(path)
    with act(by, "import.start", on=dataset) as details:
        started = Import.objects.create(
            dataset=dataset,
            by=by,
            filename=filename,
            stored_as=stored,
            format=format,
            settings=dict(settings),
            is_all_or_nothing=all_or_nothing,
            is_dry_run=dry_run,
        )
        details |= {"object": started, "sha256": stored, "format": format, "dry_run": dry_run, "whole": all_or_nothing}
        if not here:
            jobs.later(started)
    return started


def _public_ids(given: object) -> list[str]:
    return [str(one) for one in given] if isinstance(given, list | tuple) else [str(given)]


def _reasons(path: Path, filename: str, format: str, settings: Mapping[str, object]) -> list[Reason]:
    reasons: list[Reason] = []
    if format not in FORMATS:
        reasons.append(
            Reason(
                "unknown-format",
                _("We cannot read “{format}”. Choose one of: {known}."),
                "format",
                values={"format": format, "known": ", ".join(FORMATS)},
            )
        )
    if not filename or len(filename) > SOURCE_LENGTH or "\0" in filename:
        reasons.append(Reason("bad-filename", _("The file needs a name of at most 255 characters."), "filename"))
    if path.stat().st_size > site.IMPORT_MAX_BYTES:
        most = site.IMPORT_MAX_BYTES // 1024**2
        reasons.append(
            Reason("file-too-big", _("This file is larger than {n} MB. Bring it in parts."), "file", values={"n": most})
        )
    unknown = sorted(settings.keys() - SETTINGS)
    if unknown:
        reasons.append(
            Reason(
                "unknown-setting",
                _("We do not know these settings: {names}."),
                "settings",
                values={"names": ", ".join(unknown)},
            )
        )
    roles = settings.get("roles") or {}
    if not isinstance(roles, Mapping):
        return [*reasons, Reason("bad-mapping", _("The mapping says for each column what it holds."), "roles")]
    for role in ("id", "text", "media", "label", "split", "contributor"):
        columns = sorted(str(column) for column, held in roles.items() if held == role)
        if len(columns) > 1:
            message = _("Only one column can be the {role}: {columns}.")
            reasons.append(Reason("role-twice", message, "roles", values={"role": role, "columns": ", ".join(columns)}))
    if "contributor" in roles.values() and settings.get("contributor"):
        reasons.append(
            Reason(
                "contributor-twice",
                _("Name one contributor for the file, or a column of them, not both."),
                "contributor",
            )
        )
    kept = [str(held) for held in roles.values() if held not in ROLES]
    if any(not name.strip() or len(name) > 64 for name in kept):
        reasons.append(Reason("bad-mapping", _("A column is kept under a name of 1 to 64 characters."), "roles"))
    return reasons
