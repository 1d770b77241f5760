"""Production settings: complete or refused, and clean by Django's own check."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.files import File
from django.http import HttpResponse
from django.test import Client, RequestFactory

from curation.config.middleware import Compression
from curation.config.static import HashedStatic

ROOT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "WELLHOUSE_ENV": "production",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789",
    "ALLOWED_HOSTS": "wellhouse.example.org",
    "PUBLIC_URL": "https://wellhouse.example.org",
    "DATABASE_URL": "sqlite:///:memory:",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}


OF_THE_TESTS = {"DJANGO_ALLOW_ASYNC_UNSAFE"}


def manage(tmp_path: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key not in {*PRODUCTION, *OF_THE_TESTS}}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={
            **clean,
            "DJANGO_SETTINGS_MODULE": "curation.config.settings",
            "WELLHOUSE_VAR": str(tmp_path),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_djangos_own_check_for_production_finds_nothing(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "WELLHOUSE_ENV"])
def test_half_a_configuration_refuses_to_start_and_names_what_is_missing(tmp_path: Path, name: str) -> None:
    half = {key: value for key, value in PRODUCTION.items() if key != name}

    done = manage(tmp_path, "check", **half)

    assert done.returncode != 0
    assert name in done.stderr


def test_collected_files_have_hashed_names_compressed_copies_and_imports_that_follow(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "core.js").write_text("export const well = 1;\n" * 200)
    (source / "page.js").write_text('import { well } from "./core.js";\nconsole.log(well);\n')
    target = tmp_path / "target"
    storage = HashedStatic(location=str(target), base_url="/static/")
    paths = {}
    for file in source.iterdir():
        with file.open("rb") as opened:
            paths[storage.save(file.name, File(opened, name=file.name))] = (storage, file.name)

    list(storage.post_process(paths))

    hashed = storage.stored_name("core.js")
    page = target / storage.stored_name("page.js")
    assert hashed != "core.js"
    assert hashed in page.read_text()
    assert (target / f"{hashed}.br").is_file()


@pytest.mark.django_db
def test_cookies_of_a_session_are_closed_to_scripts_and_to_other_sites(client: Client) -> None:
    client.post("/look/", {"theme": "dark"})

    cookie = client.cookies["theme"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.django_db
def test_the_page_of_components_exists_while_building_only(client: Client, settings: object) -> None:
    building = client.get("/components/").status_code
    settings.DEVELOPMENT = False  # type: ignore[attr-defined]  # pytest-django's settings

    assert building == 200
    assert client.get("/components/").status_code == 404


@pytest.mark.django_db
def test_pages_are_compressed_on_their_way(client: Client) -> None:
    answer = client.get("/signin/", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.content) < 3000


@pytest.mark.parametrize(
    ("status", "kind", "extra"),
    [
        (200, "application/octet-stream", {}),
        (206, "text/plain", {"Content-Range": "bytes 0-999/4000"}),
        (200, "audio/flac", {}),
    ],
)
def test_files_and_parts_of_files_leave_as_they_are(status: int, kind: str, extra: dict[str, str]) -> None:
    request = RequestFactory().get("/", headers={"Accept-Encoding": "gzip"})
    file = HttpResponse(b"the same bytes " * 400, status=status, content_type=kind, headers=extra)

    answer = Compression(lambda _: file)(request)

    assert "Content-Encoding" not in answer.headers
    assert answer.content == b"the same bytes " * 400
