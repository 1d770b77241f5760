"""``verify_version``: what anybody can check, with and without this house."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from curation import storage
from curation.models import Member, Version
from governance import log, signing
from tests.curation.made import published

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def version(db: None, settings, tmp_path: Path) -> Version:
    settings.FILES_ROOT = tmp_path / "files"
    return published()


@pytest.fixture
def folder(version: Version, tmp_path: Path) -> Path:
    for file in version.files.all():
        target = tmp_path / "pulled" / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(storage.locate(file.path, file.sha256).read_bytes())
    return tmp_path / "pulled"


def answer(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict]:
    code = 0
    try:
        call_command("verify_version", *args, "--format", "json")
    except SystemExit as end:
        code = int(str(end.code))
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.django_db(transaction=True)
def test_a_published_version_is_good_and_stands_in_the_log(version: Version, capsys) -> None:
    log.seal()

    code, said = answer(capsys, str(version))

    assert code == 0
    assert said["ok"]
    assert said["bad"] == []
    assert said["commit"] == version.commit
    assert said["signature"] == "verified"
    assert said["members_root"] == version.members_root
    assert said["log"]["leaf_index"] is not None


def test_one_changed_byte_in_storage_is_named(version: Version, capsys) -> None:
    file = version.files.get(path="README.md")
    place = storage.locate(file.path, file.sha256)
    place.chmod(0o644)
    place.write_bytes(b"x" + place.read_bytes()[1:])

    code, said = answer(capsys, str(version))

    assert code == 1
    assert [b["path"] for b in said["bad"]] == ["README.md"]


def test_a_changed_label_is_found_against_the_vote(version: Version, capsys) -> None:
    Member.objects.filter(pk=version.members.filter(label='"glad"').first().pk).update(label='"sad"')

    code, said = answer(capsys, str(version))

    assert code == 1
    assert "voted on" in said["bad"][0]["why"]


def test_a_folder_is_checked_without_a_database(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text(next(iter(signing.public_keys().values())))
    clean = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    command = [sys.executable, str(ROOT / "manage.py"), "verify_version", str(folder), "--format", "json"]
    nowhere = {**clean, "WELLHOUSE_VAR": str(tmp_path / "empty")}

    plain = subprocess.run(command, env=nowhere, cwd=tmp_path, capture_output=True, text=True)
    by_key = subprocess.run(
        [*command, "--public-key", str(key)], env=nowhere, cwd=tmp_path, capture_output=True, text=True
    )

    assert (plain.returncode, json.loads(plain.stdout)["signature"]) == (0, "unverified"), plain.stderr
    assert (by_key.returncode, json.loads(by_key.stdout)["signature"]) == (0, "verified"), by_key.stderr


def test_another_key_is_not_believed(folder: Path, tmp_path: Path, capsys) -> None:
    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(tmp_path / "k")], check=True)
    subprocess.run(["openssl", "pkey", "-in", str(tmp_path / "k"), "-pubout", "-out", str(key)], check=True)

    code, said = answer(capsys, str(folder), "--public-key", str(key))

    assert code == 1
    assert said["signature"] == "wrong"


@pytest.mark.parametrize("what", ["nobody/nothing@v1", "not a name", "{empty}"])
def test_nothing_to_check_is_said_with_exit_2(version: Version, tmp_path: Path, capsys, what: str) -> None:
    (tmp_path / "e").mkdir()

    code, said = answer(capsys, what.format(empty=tmp_path / "e"))

    assert code == 2
    assert said["error"]["code"] == "version-unreadable"


def test_a_key_that_is_none_is_said_with_exit_2(folder: Path, tmp_path: Path, capsys) -> None:
    code, said = answer(capsys, str(folder), "--public-key", str(folder / "README.md"))

    assert code == 2
    assert said["error"]["code"] == "key-unreadable"
