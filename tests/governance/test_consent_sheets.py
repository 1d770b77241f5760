"""Many answers at once: every line judged, nothing doubled, and no late yes over a newer no."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from governance import consent_sheets, samples
from governance.kernel.errors import Invalid, NotAllowed
from governance.models import ConsentEvent, Contributor, Dataset, Event
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db
HEAD = "contributor,purpose,status,at,expires_at,sample\n"


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def ada(dataset: Dataset) -> Contributor:
    return make_contributor(dataset.community, name="Ada Quill")


def bring(dataset: Dataset, rows: str, **options: object) -> consent_sheets.Outcome:
    return consent_sheets.bring(dataset.community, HEAD + rows, by=dataset.created_by, **options)  # type: ignore[arg-type]


def test_a_sheet_is_written_and_the_same_sheet_twice_makes_no_doubles(dataset: Dataset, ada: Contributor) -> None:
    sheet = f"Ada Quill,teaching,yes,2026-01-05,,\n{ada.public_id},archiving,no,2026-01-05,,\n"

    first, second = bring(dataset, sheet), bring(dataset, sheet)

    assert (first.new, first.refused) == (2, [])
    assert (second.new, second.known, second.refused) == (0, 2, [])
    assert ConsentEvent.objects.count() == 2
    assert Event.objects.filter(verb="consent.import").count() == 2


def test_a_late_yes_never_undoes_a_newer_no(dataset: Dataset, ada: Contributor) -> None:
    (sample,) = add_samples(dataset, ["one"], contributor=ada)
    give_consent(ada, "teaching", status="ConsentWithdrawn", at=timezone.now() - timedelta(days=1))

    outcome = bring(dataset, "Ada Quill,teaching,yes,2020-01-05,,\n")

    assert [(row.line, row.code) for row in outcome.refused] == [(2, "newer-answer")]
    assert sample not in samples.usable(dataset, ["teaching"])


def test_every_bad_line_is_named_and_the_good_ones_stand(dataset: Dataset, ada: Contributor) -> None:
    outcome = bring(
        dataset,
        "Ada Quill,teaching,yes,2026-01-05,,\n"
        "Nobody Known,teaching,yes,2026-01-05,,\n"
        "Ada Quill,world domination,yes,2026-01-05,,\n"
        "Ada Quill,archiving,perhaps,2026-01-05,,\n"
        "Ada Quill,archiving,yes,yesterday,,\n"
        "Ada Quill,archiving,yes,2999-01-01T00:00:00Z,,\n"
        "Ada Quill,archiving,yes,2026-01-05,2025-01-01,\n"
        "Ada Quill,archiving,yes,2026-01-05,,ffffffffffffffffffffffffffffffff\n",
    )

    assert outcome.new == 1
    assert [(row.line, row.code) for row in outcome.refused] == [
        (3, "no-such-contributor"),
        (4, "unknown-purpose"),
        (5, "unknown-status"),
        (6, "bad-day"),
        (7, "consent-in-future"),
        (8, "ends-before-it-begins"),
        (9, "sample-not-theirs"),
    ]
    assert ConsentEvent.objects.count() == 1


def test_a_dry_run_says_the_same_and_writes_nothing(dataset: Dataset, ada: Contributor) -> None:
    sheet = "Ada Quill,teaching,yes,2026-01-05,,\nNobody,teaching,yes,2026-01-05,,\n"

    tried = bring(dataset, sheet, dry_run=True)

    assert (tried.new, len(tried.refused)) == (1, 1)
    assert not ConsentEvent.objects.exists() and not Event.objects.filter(verb="consent.import").exists()


def test_a_line_about_one_sample_is_about_that_one_alone(dataset: Dataset, ada: Contributor) -> None:
    one, _two = add_samples(dataset, ["one", "two"], contributor=ada)

    bring(dataset, f"Ada Quill,teaching,yes,2026-01-05,,\nAda Quill,teaching,no,2026-01-06,,{one.uid}\n")

    assert [sample.text for sample in samples.usable(dataset, ["teaching"])] == ["two"]


def test_the_report_of_refused_lines_holds_no_formula(dataset: Dataset) -> None:
    outcome = bring(dataset, "=cmd(),teaching,yes,=2+5,,\nx,y,z,-1,,\n")

    for line in consent_sheets.report(outcome.refused).splitlines():
        assert all(not cell.startswith(("=", "+", "-", "@")) for cell in line.split(","))


def test_a_sheet_without_its_columns_or_by_somebody_else_is_refused(dataset: Dataset, ada: Contributor) -> None:
    with pytest.raises(Invalid) as refused:
        consent_sheets.bring(dataset.community, "who,what\nAda,yes\n", by=dataset.created_by)
    with pytest.raises(NotAllowed):
        consent_sheets.bring(
            dataset.community, HEAD + "Ada Quill,teaching,yes,2026-01-05,,\n", by=make_person(dataset.community)
        )

    assert refused.value.code == "no-such-column"
    assert not ConsentEvent.objects.exists()


def test_the_command_answers_in_json_and_writes_the_refused_lines(
    dataset: Dataset, ada: Contributor, tmp_path: Path, capsys
) -> None:
    sheet, report = tmp_path / "sheet.csv", tmp_path / "refused.csv"
    sheet.write_text(HEAD + "Ada Quill,teaching,yes,2026-01-05,,\nNobody,teaching,yes,2026-01-05,,\n")

    with pytest.raises(SystemExit) as ended:
        call_command("import_consents", dataset.community.slug, str(sheet), "--report", str(report))

    said = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1
    assert (said["total"], said["new"], said["known"], said["refused"]) == (2, 1, 0, 1)
    assert report.read_text().splitlines()[1].startswith("3,contributor,no-such-contributor")
