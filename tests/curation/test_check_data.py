"""``manage.py check_data``: files in, one JSON document out."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]


Answer = tuple[int, dict, str]  # type: ignore[type-arg]  # exit code, JSON as it comes, what was said meanwhile


def check_data(*args: object) -> Answer:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("check_data", *map(str, args), "--format", "json", stdout=out, stderr=err)
        code = 0
    except SystemExit as stop:
        code = int(str(stop.code))
    return code, json.loads(out.getvalue()), err.getvalue()


def check_data_alone(*args: object) -> Answer:
    """Run the command as a person would, with a database that cannot be reached."""
    command = [sys.executable, str(ROOT / "manage.py"), "check_data", *map(str, args), "--format", "json"]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "DATABASE_URL": "sqlite:////nowhere/at/all"},
    )
    return ran.returncode, json.loads(ran.stdout), ran.stderr


def test_pidgin_shows_its_published_defects_without_a_database(shared: Path) -> None:
    folder = shared / "data" / "afrisenti" / "pcm"

    code, answer, said = check_data_alone(*(folder / f"{name}.tsv" for name in ("train", "dev", "test")))

    checks = {check["check_id"]: check for check in answer["checks"]}
    assert code == 1
    assert answer["splits"] == {"train": 5121, "dev": 1281, "test": 4154}
    assert answer["status"] == "block"
    assert [checks["leakage"]["metric"][k] for k in ("exact_raw", "exact_normalised", "near_08", "near_07")] == [
        926,
        926,
        930,
        931,
    ]
    assert len(checks["leakage"]["evidence"]) == 1000 < checks["leakage"]["evidence_total"]
    assert {"psi", "tv", "chi2_p"} <= checks["split_balance"]["metric"].keys()
    assert "leakage: block" in said


def test_one_file_with_a_split_and_a_group_column(tmp_path: Path) -> None:
    rows = [
        f"story {i} of the quay {i * 31};{'ab'[i % 2]};{'test' if i < 60 else 'train'};teller {i // 60}"
        for i in range(180)
    ]
    path = tmp_path / "all.csv"
    path.write_text("words;feeling;part;who\n" + "\n".join(rows), encoding="utf-8")

    code, answer, _ = check_data(
        path,
        "--text",
        "words",
        "--label",
        "feeling",
        "--split",
        "part",
        "--group",
        "who",
        "--checks",
        "group_leakage,test_support",
    )

    assert answer["splits"] == {"test": 60, "train": 120}
    assert [(c["check_id"], c["status"]) for c in answer["checks"]] == [
        ("group_leakage", "pass"),
        ("test_support", "warn"),
    ]
    assert code == 0


def test_rows_of_opinions_become_one_member_an_item(tmp_path: Path) -> None:
    path = tmp_path / "votes.csv"
    path.write_text("item,annotator,label\n1,a,yes\n1,b,no\n2,a,yes\n2,b,yes\n", encoding="utf-8")

    _, answer, _ = check_data(
        path, "--item", "item", "--annotator", "annotator", "--label", "label", "--checks", "disagreement"
    )

    [found] = answer["checks"]
    assert (answer["n_rows"], found["n_checked"], found["n_failed"]) == (4, 2, 1)


def test_a_policy_changes_the_figures(tmp_path: Path) -> None:
    path, policy = tmp_path / "all.csv", tmp_path / "policy.yaml"
    path.write_text(
        "text,label\n" + "\n".join(f"words {i},{'a' if i < 30 else 'b'}" for i in range(35)), encoding="utf-8"
    )
    policy.write_text("checks: {class_balance: {max_ratio: 5, min_entropy: 0}}\nlabels: [a, b, c]\n", encoding="utf-8")

    code, answer, _ = check_data(path, "--policy", policy, "--checks", "class_balance")

    [found] = answer["checks"]
    assert (code, found["status"], found["threshold"]["max_ratio"]) == (1, "block", 5)
    assert found["metric"]["counts"]["c"] == 0


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (["missing.csv"], "file-missing"),
        (["all.csv", "--text", "nothing"], "no-such-column"),
        (["all.csv", "--checks", "nothing"], "check-unknown"),
        (["all.csv", "--policy", "all.csv"], "policy-unreadable"),
    ],
)
def test_unusable_input_exits_2_with_its_code(tmp_path: Path, args: list[str], wanted: str) -> None:
    (tmp_path / "all.csv").write_text("text,label\nwords,a\n", encoding="utf-8")

    code, answer, _ = check_data(*(tmp_path / arg if "." in arg else arg for arg in args))

    assert (code, answer["error"]["code"]) == (2, wanted)


def test_quotes_that_are_words_do_not_swallow_rows(tmp_path: Path) -> None:
    path = tmp_path / "all.tsv"
    path.write_text('text\tlabel\n"come in, he said\ta\nand "left" too\tb\n', encoding="utf-8")

    _, answer, _ = check_data(path, "--checks", "class_balance")

    assert answer["n_rows"] == 2
