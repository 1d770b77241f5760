"""Versions: frozen as promised, approved only when everything is true, bound to exactly what was seen."""

from datetime import timedelta

import pytest

from curation import checking, frames, membership, suites, versions
from curation.models import Build, CheckRun, LedgerEntry, Member, Version
from governance import holds, policies, votes, withdrawals
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from governance.models import Event
from tests.curation.lines import POLICY, distinct, make_line, proposed, vote, work
from tests.factories import add_samples, give_consent, make_contributor, make_person

pytestmark = pytest.mark.django_db(transaction=True)


def unmet(version: Version) -> set[str]:
    """The codes of what is not true yet."""
    return {one.code for one in versions.conditions(version) if one.met is not True}


def test_a_proposal_freezes_what_is_usable_consented_and_labelled_and_says_why_the_rest_is_left_out() -> None:
    line = make_line(200)
    refused, unknown = make_contributor(line.community), make_contributor(line.community)
    give_consent(refused, "teaching", status="ConsentRefused")
    others = add_samples(line.dataset, [distinct(1000 + i) for i in range(6)], contributor=line.teller)
    others += add_samples(line.dataset, [distinct(2000)], contributor=refused)
    others += add_samples(line.dataset, [distinct(2001)], contributor=unknown)
    others += add_samples(line.dataset, [distinct(2002)])
    for sample in others[3:]:
        vote(line, sample, ["glad", "glad"])
    vote(line, others[0], ["glad", "sad"])
    vote(line, others[1], ["glad"], line.annotators[:1])
    holds.rest(others[3], by=line.keeper)

    version = proposed(line)

    assert version.status == "proposed"
    assert version.left_out == {
        "few-opinions": 1,
        "held": 1,
        "no-consent": 2,
        "no-contributor": 1,
        "no-opinion": 1,
        "tie": 1,
    }
    assert version.members.count() == 202 == version.counts["members"]
    reasons = dict(version.left_out_samples.values_list("sample__uid", "reason"))
    assert reasons[others[0].uid] == "tie"
    assert reasons[others[1].uid] == "few-opinions"
    assert {s: version.members.filter(split=s).count() for s in ("train", "validation", "test")} == version.counts[
        "splits"
    ]
    assert version.counts["splits"]["test"] in (20, 21)
    assert list(version.contributors.values_list("contributor", "samples")) == [(line.teller.pk, 202)]


def test_the_root_is_over_the_members_in_the_database_and_the_vote_is_bound_to_it() -> None:
    version = proposed(make_line(60))

    rows = version.members.order_by("uid").values_list("uid", "content_hash", "label", "split")

    assert version.members_root == membership.members_root(rows)
    assert version.proposal.subject_digest == versions.subject(version)[2]
    assert version.check_runs.get().members_root == version.members_root
    assert version.recipe["frozen_at"] == version.frozen_at.isoformat().replace("+00:00", "Z")


def test_with_a_yes_and_everything_true_a_version_is_approved_and_its_build_queued() -> None:
    line = make_line(600)
    version = proposed(line)
    assert unmet(version) == {"vote"}

    versions.approve(version, by=line.keeper)

    assert version.status == "approved"
    assert Build.objects.filter(version=version).count() == 1
    assert {"version.propose", "version.freeze", "check.finish", "ballot.cast", "version.approve"} <= set(
        Event.objects.values_list("verb", flat=True)
    )


def test_a_yes_alone_is_not_enough_and_every_unmet_condition_is_listed_at_once() -> None:
    line = make_line(120)
    version = proposed(line)
    holds.rest(version.members.first().sample, by=line.keeper)
    give_consent(line.teller, "teaching", status="ConsentRefused")
    policies.revise(line.dataset, body={**POLICY, "purposes": ["language-research"]}, by=line.keeper)

    versions.approve(version, by=line.keeper)

    assert version.status == "proposed"
    assert unmet(version) == {"check-test_support", "consent", "holds", "rules"}
    assert not Build.objects.exists()


def test_the_proposer_does_not_count_and_a_stranger_sees_nothing() -> None:
    line = make_line(60)
    version = proposed(line)

    with pytest.raises(NotAllowed) as own:
        versions.approve(version, by=line.steward)
    with pytest.raises(Missing):
        versions.approve(version, by=make_person())

    assert own.value.code == "not-eligible"


def test_a_named_approver_may_let_a_block_stand_and_the_proposer_may_not() -> None:
    line = make_line(60)
    version = proposed(line)
    finding = version.check_runs.get().findings.get(check_id="test_support")
    assert finding.status == "block"

    with pytest.raises(NotAllowed) as own:
        versions.override(finding, by=line.steward, reason="Mine.")
    with pytest.raises(Invalid):
        versions.override(finding, by=line.keeper, reason="  ")
    versions.override(finding, by=line.keeper, reason="A first small collection.")
    versions.approve(version, by=line.keeper)

    assert own.value.code == "proposer-cannot-override"
    assert version.status == "approved"
    [answered] = [c for c in versions.conditions(version) if c.code == "check-test_support"]
    assert "A first small collection." in answered.why
    assert answered.state == "warn"


def test_an_answer_still_counts_after_the_checks_ran_again() -> None:
    line = make_line(60)
    version = proposed(line)
    finding = version.check_runs.get().findings.get(check_id="test_support")
    versions.override(finding, by=line.keeper, reason="Known.")
    checking.start(line.dataset, by=line.steward, version=version)
    work()

    assert version.check_runs.count() == 2
    assert unmet(version) == {"vote"}


def test_a_check_that_broke_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(suites.CHECKS["leakage"], "check", broken)
    line = make_line(600)

    version = proposed(line)
    versions.approve(version, by=line.keeper)

    assert version.status == "proposed"
    assert unmet(version) == {"check-leakage"}


def test_unchanged_inputs_are_not_checked_again_and_the_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    line = make_line(60)
    first = checking.start(line.dataset, by=line.steward)
    work()

    second = checking.start(line.dataset, by=line.steward)
    work()
    vote(line, add_samples(line.dataset, [distinct(999)], contributor=line.teller)[0], ["sad", "sad"])
    third = checking.start(line.dataset, by=line.steward)
    work()

    for run in (first, second, third):
        run.refresh_from_db()
    assert [run.status for run in (first, second, third)] == ["done"] * 3
    assert "Nothing changed" in second.message
    assert second.findings.filter(is_carried=True).count() == first.findings.count() == 9
    assert not third.findings.filter(is_carried=True).exists()


def test_a_no_needs_a_reason_and_ends_the_version_when_nobody_else_can_say_yes() -> None:
    line = make_line(60)
    version = proposed(line)

    with pytest.raises(Invalid) as silent:
        versions.approve(version, by=line.keeper, choice="no")
    versions.approve(version, by=line.keeper, choice="no", reason="Too small.")

    assert silent.value.code == "ballot-reason-missing"
    assert version.status == "rejected"


def test_the_next_version_keeps_every_part_and_leaves_out_who_took_their_words_back() -> None:
    line = make_line(600)
    second_teller = make_contributor(line.community)
    give_consent(second_teller, "teaching", "language-research")
    theirs = add_samples(line.dataset, [distinct(5000 + i) for i in range(40)], contributor=second_teller)
    for sample in theirs:
        vote(line, sample, ["glad", "glad"])
    first = proposed(line)
    versions.approve(first, by=line.keeper)
    work()
    before = dict(first.members.values_list("uid", "split"))
    for sample in add_samples(line.dataset, [distinct(9000 + i) for i in range(60)], contributor=line.teller):
        vote(line, sample, ["sad", "sad"])

    withdrawals.open(second_teller, by=line.steward, channel="steward")
    second = proposed(line)

    after = dict(second.members.values_list("uid", "split"))
    assert second.left_out == {"withdrawn": 40}
    assert len(after) == 660
    assert all(after[uid] == split for uid, split in before.items() if uid in after)
    assert LedgerEntry.objects.filter(dataset=line.dataset).count() == 700
    assert set(LedgerEntry.objects.values_list("since_version", flat=True)) == {1, 2}


def test_a_new_sample_that_is_nearly_an_old_one_joins_its_part_and_a_copy_across_is_quarantined_by_name() -> None:
    line = make_line(300)
    first = proposed(line)
    versions.retract(first, by=line.steward)
    train, test = (first.members.filter(split=s).order_by("uid").first().sample for s in ("train", "test"))
    [twin] = add_samples(line.dataset, [test.data["text"].upper() + "!"], contributor=line.teller)
    [torn] = add_samples(line.dataset, [train.data["text"]], contributor=line.teller)
    type(torn).objects.filter(pk__in=[test.pk, torn.pk]).update(groups=["speaker=7"])
    vote(line, twin, ["glad", "glad"])
    vote(line, torn, ["glad", "glad"])

    second = proposed(line)

    assert second.members.get(uid=twin.uid).split == "test"
    left = second.left_out_samples.get()
    assert (left.sample_id, left.reason, left.partner_uid) == (torn.pk, "near-across", train.uid)
    assert {f.status for f in second.check_runs.get().findings.filter(check_id="leakage")} == {"pass"}


def test_one_version_is_decided_at_a_time_and_can_be_taken_back_by_its_proposer_only() -> None:
    line = make_line(60)
    version = proposed(line)

    with pytest.raises(Conflict) as open_one:
        versions.propose(line.dataset, campaign=line.campaign, by=line.keeper)
    with pytest.raises(NotAllowed):
        versions.retract(version, by=line.keeper)
    versions.retract(version, by=line.steward)
    following = versions.propose(line.dataset, campaign=line.campaign, by=line.keeper)

    assert open_one.value.code == "version-open"
    assert (version.status, version.proposal.status) == ("rejected", "void")
    assert following.number == 2


def test_what_cannot_be_proposed_is_refused_with_every_reason() -> None:
    line = make_line(20)

    with pytest.raises(Invalid) as wrong:
        versions.propose(line.dataset, campaign=None, by=line.steward, purposes=["advertising", "teaching"])
    withdrawals.open(line.teller, by=line.steward, channel="steward")
    with pytest.raises(Conflict) as nobody:
        versions.propose(line.dataset, campaign=line.campaign, by=line.steward)

    assert [reason.code for reason in wrong.value.reasons] == ["campaign-missing", "purpose-not-allowed"]
    assert nobody.value.code == "nothing-usable"
    assert not Version.objects.exists()


def test_a_version_whose_samples_all_fall_out_fails_with_the_reasons() -> None:
    line = make_line(4)
    line.campaign.annotations.update(standing="undone")

    version = proposed(line)

    assert version.status == "failed"
    assert "no-opinion 4" in version.freeze.message


def test_freezing_twice_gives_the_same_root() -> None:
    line = make_line(80)
    version = versions.propose(line.dataset, campaign=line.campaign, by=line.steward)
    Member.objects.create(
        version=version, sample=line.samples[0], uid=line.samples[0].uid, content_hash="0" * 64, split="train"
    )

    work()
    version.refresh_from_db()

    assert version.status == "proposed"
    assert version.members.count() == 80


def test_the_frame_of_members_has_the_promised_columns_order_and_frozen_content() -> None:
    line = make_line(30)
    version = proposed(line)

    frame = frames.members(version)

    assert list(frame.columns) == frames.MEMBERS
    assert list(frame["sample_uid"]) == sorted(frame["sample_uid"])
    assert (frame["n_votes"].dtype, frame["agreement"].dtype) == ("int64", "float64")
    assert set(frame["label"]) == {"glad", "sad"}
    assert frame["media_sha"].isna().all()
    assert frame["groups"].map(type).eq(tuple).all()


def test_a_dataset_as_it_stands_is_checked_on_the_parts_that_its_source_named() -> None:
    line = make_line(40)
    for number, sample in enumerate(line.samples):
        sample.source_split = "test" if number < 10 else "train"
        sample.data = {"text": distinct(0)} if number in (0, 39) else sample.data
        sample.text_hash = line.samples[0].text_hash if number == 39 else sample.text_hash
        sample.save()

    run = checking.start(line.dataset, by=line.steward)
    work()

    finding = run.findings.get(check_id="leakage")
    assert CheckRun.objects.get(pk=run.pk).version is None
    assert (finding.status, finding.metric["exact_raw"]) == ("block", 1)
    assert set(finding.evidence[0]["ids"]) == {line.samples[0].uid, line.samples[39].uid}


def test_a_vote_that_passes_by_the_clock_settles_the_version_too() -> None:
    line = make_line(600)
    line.community.charter = {"rules": {"version": {"min_open_hours": 48}}}
    line.community.save()
    version = proposed(line)
    versions.approve(version, by=line.keeper)
    assert unmet(version) == {"vote", "time"}

    type(version.proposal).objects.update(opened_at=version.proposal.opened_at - timedelta(hours=49))
    votes.close_votes()

    version.refresh_from_db()
    assert version.status == "approved"


def test_work_that_broke_can_be_started_again_and_what_runs_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    line = make_line(600)
    with monkeypatch.context() as broken:
        broken.setattr(frames, "candidates", lambda *args: 1 / 0)
        version = proposed(line)
    stopped = (version.status, version.freeze.status, [c.code for c in versions.conditions(version)])

    versions.resume(version, by=line.keeper)
    work()
    version.refresh_from_db()

    assert stopped == ("freezing", "failed", ["frozen"])
    assert version.status == "proposed"
    with pytest.raises(Conflict) as whole:
        versions.resume(version, by=line.keeper)
    assert whole.value.code == "nothing-stopped"
