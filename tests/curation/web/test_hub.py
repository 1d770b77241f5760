"""The Hub API as a client sees it: headers, codes, listings, ranges; every refusal in the three places where it can be read."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from django.test import Client

from curation import pulls, takedowns
from curation.exporters import manifest
from curation.models import Pull, Version
from curation.web import hub
from governance import agreements, withdrawals
from tests.curation.made import make_version, open_dataset, published
from tests.curation.test_pulls import grant
from tests.factories import make_person

pytestmark = pytest.mark.django_db
SHARD = "data/test-00000-of-00001.parquet"


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def version() -> Version:
    return published(open_dataset())


@pytest.fixture
def puller(version: Version) -> Client:
    _, secret = grant(version)
    return Client(headers={"authorization": f"Bearer {secret}"})


def resolve(version: Version, name: str, revision: str = "") -> str:
    return f"/datasets/{version.dataset.path}/resolve/{revision or version.tag}/{name}"


def api(version: Version, rest: str = "") -> str:
    return f"/api/datasets/{version.dataset.path}{rest}"


def test_head_names_commit_digest_and_size(version: Version, puller: Client) -> None:
    file = version.files.get(path=SHARD)

    answer = puller.head(resolve(version, SHARD))

    assert answer.status_code == 200
    assert answer["X-Repo-Commit"] == version.commit
    assert answer["ETag"] == answer["X-Linked-Etag"] == f'"{file.sha256}"'
    assert answer["Content-Length"] == answer["X-Linked-Size"] == str(file.size)
    assert answer["X-Request-Id"] == Pull.objects.get().decision.public_id
    assert "X-Xet-Hash" not in answer


def test_a_text_file_bears_the_id_that_git_gives_it(version: Version, puller: Client) -> None:
    answer = puller.get(resolve(version, "README.md"))

    content = b"".join(answer.streaming_content)
    assert answer["ETag"] == f'"{manifest.blob_oid(content)}"'
    assert hashlib.sha256(content).hexdigest() == version.files.get(path="README.md").sha256


@pytest.mark.parametrize(
    ("asked", "part"), [("bytes=0-3", slice(0, 4)), ("bytes=-8", slice(-8, None)), ("bytes=4-", slice(4, None))]
)
def test_a_range_is_exactly_that_part(version: Version, puller: Client, asked: str, part: slice) -> None:
    whole = b"".join(puller.get(resolve(version, SHARD)).streaming_content)

    answer = puller.get(resolve(version, SHARD), headers={"range": asked})

    assert answer.status_code == 206
    assert b"".join(answer.streaming_content) == whole[part]
    assert answer["Content-Range"].endswith(f"/{len(whole)}")
    assert answer["Content-Length"] == str(len(whole[part]))


def test_a_range_past_the_end_is_416(version: Version, puller: Client) -> None:
    answer = puller.get(resolve(version, SHARD), headers={"range": "bytes=99999999-"})

    assert answer.status_code == 416


def test_a_file_is_never_compressed(version: Version, puller: Client) -> None:
    answer = puller.get(resolve(version, "README.md"), headers={"accept-encoding": "gzip, deflate"})

    assert "Content-Encoding" not in answer
    assert int(answer["Content-Length"]) == len(b"".join(answer.streaming_content))


def test_a_moved_file_ignores_a_range_for_the_old_one(version: Version, puller: Client) -> None:
    answer = puller.get(resolve(version, SHARD), headers={"range": "bytes=0-3", "if-range": '"another"'})

    assert answer.status_code == 200


def test_what_was_drawn_is_counted(version: Version, puller: Client) -> None:
    puller.head(resolve(version, SHARD))
    puller.get(resolve(version, SHARD), headers={"range": "bytes=0-3"})
    puller.get(resolve(version, SHARD), headers={"range": "bytes=4-9"})

    pull = Pull.objects.get()
    assert (pull.requests, pull.bytes) == (2, 10)
    assert [(f.path, f.requests, f.bytes) for f in pull.files.all()] == [(SHARD, 2, 10)]


@pytest.mark.parametrize("name", ["nope", "dataset.py", ".huggingface.yaml", "dataset_infos.json", "data"])
def test_a_probe_for_a_file_that_is_not_there_learns_the_commit(version: Version, puller: Client, name: str) -> None:
    answer = puller.head(resolve(version, name))

    assert (answer.status_code, answer["X-Error-Code"], answer["X-Repo-Commit"]) == (
        404,
        "EntryNotFound",
        version.commit,
    )


def test_unknown_revision_and_dataset_have_the_codes_that_clients_know(version: Version, puller: Client) -> None:
    revision = puller.head(resolve(version, "README.md", "v9"))
    dataset = puller.get("/api/datasets/no-such/dataset")

    assert (revision.status_code, revision["X-Error-Code"]) == (404, "RevisionNotFound")
    assert (dataset.status_code, dataset["X-Error-Code"]) == (404, "RepoNotFound")


@pytest.mark.parametrize(
    "path", ["/api/datasets/{id}", "/api/datasets/no-such/dataset", "/datasets/{id}/resolve/v1/README.md"]
)
def test_without_a_token_every_name_answers_alike(version: Version, client: Client, path: str) -> None:
    answer = client.get(path.format(id=version.dataset.path))

    assert (answer.status_code, answer["X-Error-Code"]) == (401, "RevisionNotFound")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["X-HF-Warning"].startswith("token; ")
    assert answer.json()["error"] == answer["X-Error-Message"]


def test_a_wrong_purpose_is_told_in_all_three_places_with_the_decision(version: Version) -> None:
    _, secret = grant(version, purpose="speech-synthesis")

    answer = Client().get(resolve(version, "README.md"), headers={"authorization": f"Bearer {secret}"})

    body = answer.json()
    assert (answer.status_code, answer["X-Error-Code"]) == (403, "RevisionNotFound")
    assert answer["X-HF-Warning"] == "access; " + answer["X-Error-Message"]
    assert body["error"] == answer["X-Error-Message"]
    assert body["decision_id"] == answer["X-Request-Id"]
    assert body["code"] in {reason["code"] for reason in body["reasons"]}
    assert len(answer["X-Error-Message"]) <= 300
    assert answer["X-Error-Message"].isascii()


def test_auth_check_has_the_plain_codes(version: Version, puller: Client, client: Client) -> None:
    _, denied = grant(version, purpose="speech-synthesis")

    nobody = client.get(api(version, "/auth-check"))
    refused = client.get(api(version, "/auth-check"), headers={"authorization": f"Bearer {denied}"})

    assert puller.get(api(version, "/auth-check")).status_code == 200
    assert (nobody.status_code, nobody.get("X-Error-Code")) == (401, None)
    assert (refused.status_code, refused["X-Error-Code"]) == (403, "GatedRepo")


def test_a_withdrawn_version_leaves_a_tombstone_that_names_its_successor(version: Version, puller: Client) -> None:
    teller = version.contributors.get().contributor
    later = published(version.dataset)

    withdrawals.open(teller, by=make_person(version.community, "steward"), channel="steward")
    answer = puller.get(resolve(version, SHARD))

    body = answer.json()
    assert (answer.status_code, answer["X-Error-Code"]) == (410, "RevisionNotFound")
    assert answer["Link"].endswith(f'/published/{later.number}/>; rel="successor-version"')
    assert body["commit"] == version.commit
    assert body["duties"] == ["stop-use", "delete-copies", "report-derived", "acknowledge"]
    assert body["revocations"].endswith(f"/api/datasets/{version.dataset.path}/withdrawals")
    assert later.tag in body["error"]
    assert teller.name not in answer.content.decode()


def test_a_withdrawn_version_leaves_the_refs_and_main_moves_on(version: Version, puller: Client) -> None:
    later = published(version.dataset)
    takedowns.open(later, by=version.dataset.created_by, reason="It quotes a letter.")

    refs = puller.get(api(version, "/refs")).json()

    assert [t["name"] for t in refs["tags"]] == ["v1"]
    assert refs["branches"][0]["targetCommit"] == version.commit


def test_a_version_that_is_not_approved_is_403_and_names_one_that_is(version: Version, puller: Client) -> None:
    proposed = make_version(version.dataset, status="proposed")

    answer = puller.get(resolve(proposed, "README.md"))

    assert (answer.status_code, answer["X-Error-Code"]) == (403, "RevisionNotFound")
    assert "v1" in answer["X-Error-Message"]


def test_the_token_is_taken_as_password_of_basic_too(version: Version) -> None:
    _, secret = grant(version)
    basic = base64.b64encode(f"pull:{secret}".encode()).decode()

    assert Client().get(resolve(version, "README.md"), headers={"authorization": f"Basic {basic}"}).status_code == 200
    assert Client().get(resolve(version, "README.md"), headers={"authorization": "Basic !!"}).status_code == 401


def test_a_signed_address_opens_its_version_and_no_other(version: Version) -> None:
    token, _ = grant(version)
    other = published(version.dataset)
    query = pulls.signed_query(token, version)

    assert Client().get(f"{resolve(version, SHARD)}?{query}").status_code == 200
    assert Client().get(f"{resolve(other, SHARD)}?{query}").status_code == 403
    assert Client().get(f"{resolve(version, SHARD)}?{query}x").status_code == 401


def test_info_lists_every_file_with_its_ids(version: Version, puller: Client) -> None:
    body = puller.get(api(version, f"/revision/{version.tag}?blobs=true")).json()

    listed = {s["rfilename"]: s for s in body["siblings"]}
    assert body["id"] == version.dataset.path
    assert body["sha"] == version.commit
    assert set(listed) == {f.path for f in version.files.all()}
    assert listed[SHARD]["lfs"]["sha256"] == version.files.get(path=SHARD).sha256
    assert "lfs" not in listed["README.md"]


def test_a_tree_lists_folders_and_pages_with_absolute_links(version: Version, puller: Client) -> None:
    first = puller.get(api(version, "/tree/v1?recursive=True&limit=3"))
    following = first["Link"].split(">")[0].lstrip("<")
    entries, pages = first.json(), 1
    while following:
        answer = puller.get(following.removeprefix("http://testserver"))
        entries, pages = entries + answer.json(), pages + 1
        following = answer.get("Link", "").split(">")[0].lstrip("<")

    assert first["Link"].startswith("<http://testserver/api/datasets/")
    assert {e["path"] for e in entries if e["type"] == "file"} == {f.path for f in version.files.all()}
    assert [e["path"] for e in entries if e["type"] == "directory"] == ["data"]
    assert pages == 3


def test_a_folder_is_listed_and_an_unknown_one_is_no_entry(version: Version, puller: Client) -> None:
    top = puller.get(api(version, "/tree/v1")).json()
    inside = puller.get(api(version, "/tree/v1/data?expand=true")).json()
    unknown = puller.get(api(version, "/tree/v1/nowhere"))

    assert "data" in {e["path"] for e in top}
    assert {e["path"].split("/")[0] for e in inside} == {"data"}
    assert inside[0]["lastCommit"]["id"] == version.commit
    assert (unknown.status_code, unknown["X-Error-Code"]) == (404, "EntryNotFound")


def test_paths_are_described_from_a_form_and_from_json(version: Version) -> None:
    _, secret = grant(version)
    strict = Client(enforce_csrf_checks=True, headers={"authorization": f"Bearer {secret}"})
    wanted = {"paths": ["README.md", "nope", SHARD], "expand": "true"}

    form = strict.post(api(version, "/paths-info/v1"), wanted)
    plain = strict.post(api(version, "/paths-info/v1"), json.dumps(wanted), content_type="application/json")

    assert [e["path"] for e in form.json()] == ["README.md", SHARD]
    assert form.json() == plain.json()
    assert strict.post(api(version, "/paths-info/v1"), "{", content_type="application/json").status_code == 400


def test_commits_are_the_versions_newest_first(version: Version, puller: Client) -> None:
    later = published(version.dataset)

    answer = puller.get(api(version, "/commits/main"))

    assert [c["id"] for c in answer.json()] == [later.commit, version.commit]
    assert answer["X-Total-Count"] == "2"


def test_an_older_version_is_given_with_a_warning(version: Version, puller: Client) -> None:
    published(version.dataset)

    answer = puller.head(resolve(version, "README.md"))

    assert answer.status_code == 200
    assert answer["X-HF-Warning"].startswith("version; v2 is newer")


@pytest.mark.parametrize(
    ("agent", "is_warned"),
    [("datasets/4.4.1; x", True), ("datasets/3.6.0", True), ("datasets/4.5.0", False), ("datasets/4.40.0", False)],
)
def test_a_client_that_would_hide_a_withdrawal_is_warned(
    version: Version, puller: Client, agent: str, is_warned: bool
) -> None:
    answer = puller.head(resolve(version, "README.md"), headers={"user-agent": agent})

    assert ("X-HF-Warning" in answer) is is_warned


def test_whoami_names_party_and_purpose(version: Version, puller: Client) -> None:
    body = puller.get("/api/whoami-v2").json()

    assert body["name"].startswith("School")
    assert body["auth"]["accessToken"] == {"displayName": "teaching", "role": "read"}
    assert Client().get("/api/whoami-v2").status_code == 401


def test_an_ended_token_says_so(version: Version) -> None:
    token, secret = grant(version)
    agreements.revoke_token(token, by=version.dataset.created_by)

    answer = Client().get(api(version), headers={"authorization": f"Bearer {secret}"})

    assert (answer.status_code, answer.json()["code"]) == (401, "token-revoked")


def drained(answer: object) -> None:
    """Read an answer to its end, as a client that is done."""
    for _block in answer.streaming_content:  # type: ignore[attr-defined]  # a streaming response
        pass


def test_slow_clients_leave_threads_for_everybody_else(
    version: Version, puller: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "SMALL", 0)
    path, slow = resolve(version, SHARD), []
    for _ in range(hub.settings.DOWNLOADS_AT_ONCE):
        slow.append(puller.get(path))

    busy = puller.get(path)
    drained(slow.pop())
    again = puller.get(path)

    assert (busy.status_code, busy["Retry-After"]) == (503, "2")
    assert again.status_code == 200
    assert puller.head(path).status_code == 200
    for answer in (*slow, again):
        drained(answer)


def test_behind_a_proxy_the_proxy_sends_the_bytes(version: Version, puller: Client, settings) -> None:
    settings.ACCEL = "nginx"

    answer = puller.get(resolve(version, SHARD))

    digest = version.files.get(path=SHARD).sha256
    assert answer["X-Accel-Redirect"] == f"/files/versions/{digest[:2]}/{digest[2:4]}/{digest}"
    assert answer["X-Repo-Commit"] == version.commit
    assert answer.content == b""


def test_the_croissant_of_a_refused_version_is_a_document_that_says_so(version: Version) -> None:
    _, secret = grant(version, purpose="speech-synthesis")

    answer = Client().get(resolve(version, "croissant.json"), headers={"authorization": f"Bearer {secret}"})

    assert answer.json()["conformsTo"] == [answer["X-Error-Message"]]


@pytest.mark.parametrize(("text", "line"), [("“ọ̀rọ̀” – n’á\nü", '"oro" - n\'a u'), ("x" * 400, "x" * 297 + "...")])
def test_a_sentence_becomes_one_line_of_ascii(text: str, line: str) -> None:
    assert hub.plain(text) == line


def test_a_request_within_a_pull_costs_the_same_few_queries_however_many_members(
    version: Version, puller: Client, django_assert_max_num_queries
) -> None:
    puller.head(resolve(version, SHARD))

    # Among them one each for who may see its samples, the community's own word, receipts that are owed, the grants of the
    # agreement and the papers that its duties ask for, and two each for further voices and for whether the log has gone on.
    with django_assert_max_num_queries(21):
        puller.head(resolve(version, SHARD))
