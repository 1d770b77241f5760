"""Bringing files in: identities, revisions, refusals, chunks in the log, and a worker that is killed halfway."""

import csv
import hashlib
import json
import os
import random
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from governance import intake, media, samples
from governance.kernel import jobs
from governance.kernel.digests import digest, root_of, sample_uid
from governance.kernel.errors import Invalid
from governance.kernel.text import normal_hash
from governance.models import Contributor, Dataset, Event, Import, Media, Sample, SampleRevision
from tests.conftest import start_process, until
from tests.factories import add_samples, give_consent, make_contributor, make_dataset

pytestmark = pytest.mark.django_db

Bring = Callable[..., Import]


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def bring(dataset: Dataset, tmp_path: Path) -> Bring:
    """Import a file of the given content and return the finished row."""

    def run(content: str | bytes, *, name: str = "tales.csv", format: str = "csv", **options: object) -> Import:
        path = tmp_path / "upload"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        options.setdefault("settings", {})
        row = samples.start_import(
            dataset, path=path, filename=name, format=format, by=dataset.created_by, here=True, **options
        )  # type: ignore[arg-type]  # the test's own options
        jobs.work("governance.import", row.pk)
        row.refresh_from_db()
        return row

    return run


def counts(row: Import) -> tuple[int, int, int, int]:
    return row.new, row.changed, row.unchanged, row.refused


def report(row: Import) -> list[dict[str, str]]:
    with (media.root("reports") / row.report).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_becomes_a_sample_with_its_identity_and_hashes(dataset: Dataset, bring: Bring) -> None:
    row = bring(
        "id,text,label,who,mood,session\n7,Ẹ kú àárọ̀ @ade!,good,T-1,bright,s1\n",
        settings={"roles": {"session": "group"}},
    )

    sample = Sample.objects.select_related("contributor").get(dataset=dataset)
    data = {"text": "Ẹ kú àárọ̀ @ade!", "mood": "bright"}
    assert row.status == Import.Status.DONE and counts(row) == (1, 0, 0, 0)
    assert sample.uid == sample_uid(dataset.key, "tales.csv", "7")
    assert sample.content_hash == digest({"data": data, "media": None})
    assert sample.text_hash == normal_hash(data["text"])
    assert (sample.data, sample.imported_label, sample.groups) == (data, "good", ["session=s1"])
    assert sample.contributor is not None and sample.contributor.name == "T-1"
    assert sample.protocol_id == dataset.default_protocol_id and sample.imported_id == row.pk


def test_the_content_hash_is_that_of_canonical_json_for_every_type(dataset: Dataset, bring: Bring) -> None:
    data = {
        "text": 'a"\\\n\t\x07ÿ😭',
        "n": 1,
        "f": 0.1,
        "b": True,
        "list": [1, {"z": None, "a": "é"}],
        "😀": "x",
        "ﬀ": "y",
    }

    bring(json.dumps(data) + "\n", name="a.jsonl", format="jsonl")

    sample = Sample.objects.get(dataset=dataset)
    assert sample.content_hash == digest({"data": data, "media": None})
    assert sample.data == data


def test_bringing_a_file_twice_makes_no_doubles_and_equal_texts_stay_apart(dataset: Dataset, bring: Bring) -> None:
    content = "text,label\nsame,a\nother,b\nsame,c\n"

    first, second = bring(content), bring(content)

    assert counts(first) == (3, 0, 0, 0)
    assert counts(second) == (0, 0, 3, 0)
    assert Sample.objects.filter(dataset=dataset).count() == 3
    keys = sorted(Sample.objects.filter(data__text="same").values_list("key", flat=True))
    assert [key.rpartition(":")[2] for key in keys] == ["1", "2"]


def test_the_same_key_with_other_content_is_a_new_revision_and_the_old_is_kept(dataset: Dataset, bring: Bring) -> None:
    bring("id,text\n1,marowe\n2,ostre\n")
    old = Sample.objects.get(key="1")

    row = bring("id,text\n1,marrowe\n2,ostre\n3,hallin\n")

    now = Sample.objects.get(key="1")
    kept = SampleRevision.objects.get(sample=now)
    assert counts(row) == (1, 1, 1, 0)
    assert (now.pk, now.uid, now.revision, now.text) == (old.pk, old.uid, 2, "marrowe")
    assert (kept.revision, kept.content_hash, kept.data) == (1, old.content_hash, {"text": "marowe"})


def test_another_file_name_is_another_source(dataset: Dataset, bring: Bring) -> None:
    bring("id,text\n1,a\n", name="one.csv")
    bring("id,text\n1,a\n", name="two.csv")

    assert Sample.objects.filter(dataset=dataset).count() == 2


def test_every_refused_row_is_named_with_line_and_reason_and_the_good_are_kept(bring: Bring) -> None:
    row = bring(
        "id,text,n\n1,good,1\n2,,1\n1,twice,1\n,nameless,1\n4,short\n5,=SUM(A1),1\n", settings={"roles": {"id": "id"}}
    )

    assert counts(row) == (2, 0, 0, 4)
    assert [(one["line"], one["code"]) for one in report(row)] == [
        ("3", "empty-sample"),
        ("4", "duplicate-id"),
        ("5", "id-missing"),
        ("6", "ragged-row"),
    ]


def test_an_id_that_repeats_far_apart_is_found_in_a_re_import_too(bring: Bring) -> None:
    rows = "".join(f"{n},text {n}\n" for n in range(2_500))
    bring("id,text\n" + rows)

    row = bring("id,text\n" + rows + "3,another text\n")

    assert counts(row) == (0, 0, 2_500, 1)
    assert report(row)[0]["code"] == "duplicate-id"


def test_no_cell_of_the_report_can_be_a_formula(bring: Bring) -> None:
    row = bring('{"=cmd()": "x", "text": "a"}\n' * 3 + '{"text": ["not", "text"]}\n', name="a.jsonl", format="jsonl")
    escaped = [intake.escaped(cell) for cell in ("=1", "+1", "-1", "@x", "\tx", "plain", 7)]

    assert row.refused == 1
    assert escaped == ["'=1", "'+1", "'-1", "'@x", "'\tx", "plain", 7]


def test_all_or_nothing_keeps_nothing_when_one_row_is_bad(dataset: Dataset, bring: Bring) -> None:
    row = bring("id,text\n1,a\n2\n", all_or_nothing=True)

    assert row.status == Import.Status.DONE and counts(row) == (0, 0, 0, 1)
    assert not Sample.objects.filter(dataset=dataset).exists()
    assert [one["code"] for one in report(row)] == ["ragged-row"]


def test_all_or_nothing_keeps_all_when_all_are_good(dataset: Dataset, bring: Bring) -> None:
    row = bring("text\nsame\nsame\nother\n", all_or_nothing=True)

    assert counts(row) == (3, 0, 0, 0)
    assert Sample.objects.filter(dataset=dataset).count() == 3


def test_a_dry_run_says_what_would_happen_and_writes_nothing(dataset: Dataset, bring: Bring) -> None:
    bring("id,text,who\n1,a,T-1\n2,b,T-1\n")
    people, held = Contributor.objects.count(), Sample.objects.count()

    row = bring("id,text,who\n1,a,T-1\n2,changed,T-1\n3,new,T-9\n4,,T-1\n", dry_run=True)

    assert counts(row) == (1, 1, 1, 1)
    assert (Contributor.objects.count(), Sample.objects.count()) == (people, held)


def test_a_file_cannot_say_that_a_sample_is_somebody_elses(dataset: Dataset, bring: Bring) -> None:
    bring("id,text,who\n1,a,T-1\n2,b,T-1\n")

    row = bring("id,text,who\n1,a,T-2\n2,changed,T-2\n")

    assert counts(row) == (0, 0, 0, 2)
    assert {one["code"] for one in report(row)} == {"contributor-differs"}
    assert set(Sample.objects.values_list("contributor__name", flat=True)) == {"T-1"}


def test_a_re_import_may_say_whose_a_sample_is_when_nobody_knew(dataset: Dataset, bring: Bring) -> None:
    bring("id,text\n1,a\n")

    row = bring("id,text\n1,a\n", settings={"contributor": "Ilse"})

    assert counts(row) == (0, 0, 1, 0)
    assert Sample.objects.get().contributor == Contributor.objects.get(name="Ilse")


def test_one_named_contributor_is_whose_the_whole_file_is(bring: Bring) -> None:
    bring("text\na\nb\n", settings={"contributor": "Ilse"})

    assert set(Sample.objects.values_list("contributor__name", flat=True)) == {"Ilse"}


def test_each_chunk_is_an_event_whose_root_anybody_can_compute(
    dataset: Dataset, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "rows_at_once", lambda: 500)

    bring("id,text\n" + "".join(f"{n},text {n}\n" for n in range(1_203)))

    bodies = [
        json.loads(one)
        for one in Event.objects.filter(verb="import.chunk").order_by("pk").values_list("body", flat=True)
    ]
    pairs = list(Sample.objects.order_by("pk").values_list("uid", "content_hash"))
    leaves = [(uid + content).encode() for uid, content in pairs]
    assert [body["details"]["rows"] for body in bodies] == [500, 500, 203]
    assert [body["details"]["root"] for body in bodies] == [root_of(leaves[at : at + 500]) for at in (0, 500, 1_000)]


def test_the_fast_root_is_the_root_of_the_tree() -> None:
    chance = random.Random(7)
    for size in (0, 1, 2, 3, 5, 8, 13, 100, 257):
        kept = [(f"{chance.random()}", f"{chance.random()}") for _ in range(size)]
        assert intake.chunk_root(kept) == root_of((uid + content).encode() for uid, content in kept)


def test_an_import_that_was_interrupted_goes_on_and_counts_nothing_twice(
    dataset: Dataset, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "rows_at_once", lambda: 500)
    content = "text\n" + "".join(f"text {n % 900}\n" for n in range(1_400)) + ",\n"
    real, calls = intake._insert_sqlite if connection.vendor == "sqlite" else intake._insert_postgres, []

    def breaks(rows: list[intake.Shaped]) -> int:
        calls.append(len(rows))
        if len(calls) == 2:
            raise RuntimeError("the machine stops here")
        return real(rows)

    monkeypatch.setattr(intake, "writer", lambda: breaks)
    row = bring(content)
    assert row.status == Import.Status.FAILED and row.cursor == 500

    jobs.again(row)
    jobs.work("governance.import", row.pk)

    row.refresh_from_db()
    assert counts(row) == (1_400, 0, 0, 1)
    assert Sample.objects.filter(dataset=dataset).count() == 1_400
    assert len(report(row)) == 1


@pytest.mark.parametrize(
    ("content", "settings", "code"),
    [
        ("", {}, "empty-file"),
        ("a,b\n1,2\n", {"roles": {"a": "data", "b": "data"}}, "nothing-to-hold"),
        ("text,x\na,b\n", {"roles": {"nowhere": "text"}}, "no-such-column"),
        ("text,wav\na,x.wav\n", {"roles": {"wav": "media"}}, "no-media-folder"),
        ("text,a,b\nx,1,2\n", {"roles": {"a": "mood", "b": "mood"}}, "bad-mapping"),
    ],
)
def test_a_file_of_which_nothing_can_be_used_ends_with_its_reason(
    bring: Bring, content: str, settings: dict[str, object], code: str
) -> None:
    row = bring(content, settings=settings)

    assert (row.status, row.error_code) == (Import.Status.FAILED, code)
    assert row.message and "{" not in row.message


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"roles": {"a": "text", "b": "text"}}, "role-twice"),
        ({"roles": {"a": "contributor"}, "contributor": "Ilse"}, "contributor-twice"),
        ({"evil": 1}, "unknown-setting"),
        ({"roles": "text"}, "bad-mapping"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_before_anything_is_queued(
    bring: Bring, settings: dict[str, object], code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        bring("a,b\n1,2\n", settings=settings)

    assert code in {reason.code for reason in refusal.value.reasons}
    assert not Import.objects.exists()


def wav(seconds: float = 0.2) -> bytes:
    frames = int(8_000 * seconds)
    body = b"".join(((n * 400) % 20_000 - 10_000).to_bytes(2, "little", signed=True) for n in range(frames))
    head = b"RIFF" + (36 + len(body)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    head += (1).to_bytes(2, "little") * 2 + (8_000).to_bytes(4, "little") + (16_000).to_bytes(4, "little")
    return (
        head + (2).to_bytes(2, "little") + (16).to_bytes(2, "little") + b"data" + len(body).to_bytes(4, "little") + body
    )


def test_recordings_are_kept_by_their_hash_and_only_from_inside_the_folder(bring: Bring, tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.wav").write_bytes(wav())
    (folder / "page.wav").write_text("<script>alert(1)</script>")
    (tmp_path / "secret.wav").write_bytes(wav(0.1))
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")

    row = bring(
        "text,file\nwith sound,a.wav\n,a.wav\nup,../secret.wav\nby link,link.wav\npage,page.wav\ngone,b.wav\nnone,\n",
        settings={"roles": {"file": "media"}, "media_root": str(folder)},
    )

    kept = Media.objects.get()
    assert counts(row) == (3, 0, 0, 4)
    assert [one["code"] for one in report(row)] == ["media-missing", "media-missing", "media-kind", "media-missing"]
    assert kept.sha256 == hashlib.sha256(wav()).hexdigest()
    assert media.path_of(kept.sha256).read_bytes() == wav()
    assert (kept.mime, kept.seconds, len(bytes(kept.peaks or b""))) == ("audio/wav", 0.2, 400)


def test_several_answers_to_one_task_become_a_label_only_where_most_agree(bring: Bring) -> None:
    def said(*values: str) -> list[dict[str, object]]:
        return [
            {"completed_by": n, "result": [{"from_name": "f", "type": "choices", "value": {"choices": [v]}}]}
            for n, v in enumerate(values)
        ]

    tasks = [{"data": {"text": str(n)}, "annotations": said(*v)} for n, v in enumerate(("g", "ggs", "gs", ""))]

    bring(json.dumps(tasks), name="a.json", format="label_studio")

    assert list(Sample.objects.order_by("pk").values_list("imported_label", flat=True)) == ["g", "g", "", ""]


def test_a_file_that_was_chosen_and_never_brought_in_is_forgotten(bring: Bring, tmp_path: Path) -> None:
    row = bring("id,text\n1,a\n")
    (tmp_path / "b").write_text("chosen, never brought in")
    chosen = media.path_of(media.keep(tmp_path / "b", "imports")[0], "imports")

    intake.forget_uploads(timezone.now() + timedelta(days=7))
    assert chosen.is_file()
    intake.forget_uploads(timezone.now() + timedelta(days=9))

    assert not chosen.exists() and media.path_of(row.stored_as, "imports").is_file()


def test_usable_is_a_yes_from_the_contributor_and_nothing_else(dataset: Dataset) -> None:
    yes, no = make_contributor(dataset.community), make_contributor(dataset.community)
    give_consent(yes, "teaching")
    give_consent(no, "teaching", status="ConsentRefused")
    good = add_samples(dataset, ["a"], yes)
    add_samples(dataset, ["b"], no)
    add_samples(dataset, ["c"], None)
    hidden = add_samples(dataset, ["d"], yes)[0]
    Sample.objects.filter(pk=hidden.pk).update(protocol=None)

    assert [one.uid for one in samples.usable(dataset, ["teaching"])] == [good[0].uid]
    assert not samples.usable(dataset, []).exists()
    assert not samples.usable(dataset, ["teaching", "research"]).exists()


@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_process_killed_in_the_middle_leaves_whole_chunks_and_another_finishes(tmp_path: Path) -> None:
    dataset = make_dataset()
    path = tmp_path / "big.csv"
    path.write_text("text,who\n" + "".join(f"text {n % 30_000},T-{n % 50}\n" for n in range(40_000)))
    command = ("manage.py", "import", dataset.path, str(path), "--wait")

    process = start_process(*command)
    until(lambda: Import.objects.filter(cursor__gt=2_000).exists(), 60, str(process))
    os.kill(process.popen.pid, signal.SIGKILL)
    process.popen.wait()
    row = Import.objects.get()
    written = Sample.objects.filter(dataset=dataset).count()
    assert written == row.new == row.cursor < 40_000

    Import.objects.update(lease_until="2000-01-01T00:00:00Z")
    jobs.work("governance.import", row.pk)

    row.refresh_from_db()
    assert (row.status, counts(row)) == (Import.Status.DONE, (40_000, 0, 0, 0))
    assert Sample.objects.filter(dataset=dataset).count() == 40_000
