"""Feature 1, consent gate per sample and contributor: one unknown voice keeps a sample out, and the clock closes what ran out."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from curation import versions
from curation.models import Version
from governance import voices
from governance.kernel import jobs
from tests.curation.lines import Line, make_line, proposed, work
from tests.curation.test_pulls import grant
from tests.factories import give_consent, make_contributor
from tests.features.test_03_successor_and_tombstone import pull, rows_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


def published(line: Line) -> Version:
    version = proposed(line)
    versions.approve(version, by=line.keeper)
    work()
    version.refresh_from_db()
    assert version.status == Version.Status.PUBLISHED, versions.conditions(version)
    return version


def test_a_sample_of_two_contributors_one_of_them_unknown_is_absent_and_its_reason_counted() -> None:
    line = make_line(n=600)
    known, silent = make_contributor(line.community), make_contributor(line.community)
    give_consent(known, "teaching", "language-research")
    with_unknown, with_silent, with_known = line.samples[:3]
    voices.add(with_unknown, contributor=None, role="heard", by=line.keeper)
    voices.add(with_silent, contributor=silent, role="speaker", by=line.keeper)
    voices.add(with_known, contributor=known, role="translator", by=line.keeper)

    version = published(line)

    members = rows_of(version)
    assert with_unknown.uid not in members and with_silent.uid not in members
    assert with_known.uid in members and len(members) == 598
    assert version.left_out == {"unknown-voice": 1, "voice-no-consent": 1}
    assert dict(version.contributors.values_list("contributor", "samples")) == {line.teller.pk: 598, known.pk: 1}


def test_when_a_yes_runs_out_the_next_pull_is_refused_with_no_job_run(client: Client, monkeypatch) -> None:
    line = make_line(n=600)
    other = make_contributor(line.community)
    give_consent(other, "teaching", "language-research", expires_at=timezone.now() + timedelta(days=20))
    voices.add(line.samples[0], contributor=other, role="speaker", by=line.keeper)
    version = published(line)
    _token, secret = grant(version)
    assert pull(client, version, secret).status_code == 200
    later = timezone.now() + timedelta(days=21)

    monkeypatch.setattr(timezone, "now", lambda: later)
    monkeypatch.setattr(jobs, "work", None)
    refused = pull(client, version, secret)

    assert refused.status_code in (403, 410)
    assert refused["X-Error-Code"] == "RevisionNotFound"
    assert "consent-expired" in refused.content.decode()


def test_a_voice_that_becomes_known_after_the_freeze_closes_what_is_delivered(client: Client) -> None:
    line = make_line(n=600)
    version = published(line)
    _token, secret = grant(version)
    assert pull(client, version, secret).status_code == 200

    voice = voices.add(line.samples[0], contributor=None, role="heard", by=line.keeper)

    assert pull(client, version, secret).status_code == 403
    other = make_contributor(line.community)
    voices.name(voice, contributor=other, by=line.keeper)
    assert pull(client, version, secret).status_code == 403
    give_consent(other, "teaching", "language-research")
    assert pull(client, version, secret).status_code == 200
