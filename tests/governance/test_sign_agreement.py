"""Signing offline: the command, and openssl alone, both give what the page takes."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.management import CommandError, call_command

from governance import agreements, policies
from governance.models import Agreement
from governance.odrl.policy import Body
from tests.factories import PARTY_KEY, make_dataset, make_party, make_person


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key.pem"
    file.write_bytes(PARTY_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return file


@pytest.fixture
def drawn(db: None) -> Agreement:
    dataset = make_dataset()
    steward = make_person(dataset.community, "steward")
    policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("non-profit",)), by=steward)
    return agreements.draw_up(
        make_party(dataset.community, steward),
        dataset=dataset,
        purpose="teaching",
        is_commercial=False,
        expires_at=agreements.timezone.now() + agreements.timedelta(days=60),
        by=steward,
    )


def test_the_command_prints_a_jws_that_signs(
    drawn: Agreement, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "A.tbs"
    file.write_bytes(agreements.to_sign(drawn))

    call_command("sign_agreement", str(file), "--key", str(key))
    agreements.countersign(drawn, signed=capsys.readouterr().out, by=agreements.outsider_of(drawn))

    assert [one.side for one in drawn.signatures.all()] == ["party"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="NO OPENSSL: the recipe of docs/pull.md was not run")
def test_the_recipe_with_openssl_alone_signs(drawn: Agreement, key: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "A.tbs", tmp_path / "sig"
    file.write_bytes(agreements.to_sign(drawn))

    subprocess.run(
        ["openssl", "pkeyutl", "-sign", "-inkey", str(key), "-rawin", "-in", str(file), "-out", str(out)], check=True
    )
    signed = base64.b64encode(out.read_bytes()).decode()
    agreements.countersign(drawn, signed=signed, by=agreements.outsider_of(drawn))

    assert [one.side for one in drawn.signatures.all()] == ["party"]


def test_another_file_or_another_key_is_refused_in_a_sentence(key: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("not an agreement")

    for file, with_key in ((other, key), (tmp_path / "none", key), (key, other)):
        with pytest.raises(CommandError):
            call_command("sign_agreement", str(file), "--key", str(with_key))
