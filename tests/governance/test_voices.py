"""Voices: everybody who is heard in a sample has a say, and one whom nobody knows says no."""

from pathlib import Path

import pytest

from governance import holds, intake, samples, voices, withdrawals
from governance.kernel import jobs
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import Contribution, Contributor, Dataset, Event, Import, Sample
from tests.factories import (
    add_samples,
    give_consent,
    make_community,
    make_contributor,
    make_dataset,
    make_person,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def teller(dataset: Dataset) -> Contributor:
    found = make_contributor(dataset.community)
    give_consent(found, "teaching")
    return found


def usable(dataset: Dataset) -> set[str]:
    return set(samples.usable(dataset, ["teaching"]).values_list("uid", flat=True))


def test_a_sample_is_usable_only_when_every_voice_in_it_says_yes(dataset: Dataset, teller: Contributor) -> None:
    alone, together = add_samples(dataset, ["one", "two"], contributor=teller)
    other = make_contributor(dataset.community)

    voices.add(together, contributor=other, role="narrator", by=dataset.created_by)

    assert usable(dataset) == {alone.uid}
    give_consent(other, "teaching")
    assert usable(dataset) == {alone.uid, together.uid}
    give_consent(other, "teaching", status="ConsentWithdrawn")
    assert usable(dataset) == {alone.uid}


def test_a_voice_that_nobody_knows_is_a_no_until_it_is_named_and_says_yes(
    dataset: Dataset, teller: Contributor
) -> None:
    (sample,) = add_samples(dataset, ["one"], contributor=teller)
    voice = voices.add(sample, contributor=None, role="heard", by=dataset.created_by)
    other = make_contributor(dataset.community)
    assert usable(dataset) == set()

    voices.name(voice, contributor=other, by=dataset.created_by)

    assert usable(dataset) == set()
    give_consent(other, "teaching")
    assert usable(dataset) == {sample.uid}
    with pytest.raises(Conflict):
        voices.name(voice, contributor=teller, by=dataset.created_by)


def test_everybody_who_is_heard_sees_the_sample_and_nobody_else_by_it(dataset: Dataset, teller: Contributor) -> None:
    (sample,) = add_samples(dataset, ["one"], contributor=teller)
    Sample.objects.update(protocol=None)
    heard, stranger = make_person(dataset.community), make_person(dataset.community)
    voices.add(
        sample, contributor=make_contributor(dataset.community, person=heard), role="heard", by=dataset.created_by
    )

    assert set(Sample.objects.visible_to(heard)) == {sample}
    assert not Sample.objects.visible_to(stranger).exists()
    assert list(Sample.objects.with_voice(sample.contributions.get().contributor)) == [sample]


def test_when_a_further_voice_takes_itself_back_the_sample_rests(dataset: Dataset, teller: Contributor) -> None:
    alone, together = add_samples(dataset, ["one", "two"], contributor=teller)
    other = make_contributor(dataset.community)
    give_consent(other, "teaching")
    voices.add(together, contributor=other, role="translator", by=dataset.created_by)

    taken = withdrawals.open(other, by=dataset.created_by, channel="steward")

    assert set(Sample.objects.filter(dataset=dataset).not_held()) == {alone}
    assert list(withdrawals.touched(taken)) == [together]


def test_a_further_voice_may_take_back_one_sample_and_only_their_own_yes_lifts_it(
    dataset: Dataset, teller: Contributor
) -> None:
    first, second = add_samples(dataset, ["one", "two"], contributor=teller)
    other = make_contributor(dataset.community)
    give_consent(other, "teaching")
    for sample in (first, second):
        voices.add(sample, contributor=other, role="speaker", by=dataset.created_by)

    withdrawals.open(other, by=dataset.created_by, channel="steward", samples=Sample.objects.filter(pk=first.pk))
    give_consent(teller, "teaching")

    assert usable(dataset) == {second.uid}
    with pytest.raises(Conflict) as refused:
        holds.lift(holds.open_in(dataset.community).get(), by=dataset.created_by)
    assert refused.value.code == "hold-needs-consent"


def test_only_keepers_and_stewards_name_voices_and_only_people_of_their_community(
    dataset: Dataset, teller: Contributor
) -> None:
    (sample,) = add_samples(dataset, ["one"], contributor=teller)
    elsewhere = make_contributor(make_community())

    with pytest.raises(NotAllowed):
        voices.add(sample, contributor=None, role="heard", by=make_person(dataset.community))
    with pytest.raises(Invalid) as wrong:
        voices.add(sample, contributor=elsewhere, role="heard", by=dataset.created_by)
    assert wrong.value.code == "voice-elsewhere"
    voices.add(sample, contributor=teller, role="heard", by=dataset.created_by)
    with pytest.raises(Conflict):
        voices.add(sample, contributor=teller, role="heard", by=dataset.created_by)
    assert teller.ref in Event.objects.filter(verb="voice.add").get().body


def bring(dataset: Dataset, path: Path, content: str, **settings: object) -> Import:
    path.write_text(content)
    row = samples.start_import(
        dataset, path=path, filename="tales.csv", format="csv", by=dataset.created_by, here=True, settings=settings
    )
    jobs.work(jobs.label_of(row), row.pk)
    row.refresh_from_db()
    return row


def heard(dataset: Dataset) -> list[tuple[str, str, str]]:
    rows = Contribution.objects.filter(sample__dataset=dataset).order_by("sample__key", "role", "contributor__name")
    return [(row.sample.key, row.role, row.contributor.name if row.contributor else "?") for row in rows]


def test_a_file_names_further_voices_several_in_a_cell_and_a_question_mark_is_somebody_unknown(
    dataset: Dataset, tmp_path: Path
) -> None:
    content = "id,text,who,with,by\n1,a tale,T-1,T-2 | T-3,\n2,a song,T-2,T-2,?\n3,a word,T-1,,\n"
    roles = {"with": "voice-speaker", "by": "voice-translator"}

    row = bring(dataset, tmp_path / "f", content, roles=roles, voice_separator="|")
    again = bring(dataset, tmp_path / "f", content, roles=roles, voice_separator="|")

    expected = [("1", "speaker", "T-2"), ("1", "speaker", "T-3"), ("2", "translator", "?")]
    assert (row.new, row.refused, again.unchanged) == (3, 0, 3)
    assert heard(dataset) == expected
    assert Event.objects.filter(verb="import.chunk", body__contains='"voices":3').count() == 1


def test_voices_that_a_later_file_names_are_added_and_a_name_too_long_refuses_its_row(
    dataset: Dataset, tmp_path: Path
) -> None:
    bring(dataset, tmp_path / "f", "id,text,who\n1,a tale,T-1\n2,a song,T-1\n")

    row = bring(
        dataset,
        tmp_path / "f",
        f"id,text,who,with\n1,a tale,T-1,T-2\n2,a song,T-1,{'x' * 300}\n",
        roles={"with": "voice-heard"},
    )

    assert (row.unchanged, row.refused) == (1, 1)
    assert heard(dataset) == [("1", "heard", "T-2")]


def test_rows_without_further_voices_cost_no_query_more(
    dataset: Dataset, tmp_path: Path, django_assert_max_num_queries
) -> None:
    shaped = "id,text,who\n" + "".join(f"{n},word {n},T-1\n" for n in range(50))
    with django_assert_max_num_queries(60) as plain:
        bring(dataset, tmp_path / "f", shaped)

    assert not any("contribution" in q["sql"] for q in plain.captured_queries)
    assert intake.VOICES
