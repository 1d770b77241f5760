"""``manage.py odrl_conflicts``: files in, a verdict and the rules that clash out."""

import json
from io import StringIO
from pathlib import Path

from django.core.management import call_command

PREFIX = "@prefix odrl: <http://www.w3.org/ns/odrl/2/> .\n"
ALLOWS = (
    PREFIX + "<urn:p> a odrl:Set ; odrl:permission <urn:p#1> . <urn:p#1> odrl:action odrl:read ; odrl:target <urn:x> ."
)


def run(*paths: Path) -> tuple[int, dict]:
    said, code = StringIO(), 0
    try:
        call_command("odrl_conflicts", *map(str, paths), "--format", "json", stdout=said, stderr=StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(said.getvalue())


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_turtle_and_a_json_ld_file_clash(tmp_path):
    rule = {"target": "urn:x", "action": "use"}
    forbids = {"@context": "http://www.w3.org/ns/odrl.jsonld", "@type": "Set", "uid": "urn:q", "prohibition": [rule]}

    code, said = run(write(tmp_path, "a.ttl", ALLOWS), write(tmp_path, "b.jsonld", json.dumps(forbids)))

    assert (code, said["verdict"]) == (1, "Conflict")
    assert [(p["permission"], p["prohibition"]) for p in said["pairs"]] == [("urn:p#1", "/prohibition/0")]
    assert said["pairs"][0]["because"]


def test_rules_about_other_things_do_not_clash(tmp_path):
    other = ALLOWS.replace("permission", "prohibition").replace("urn:x", "urn:y").replace("urn:p", "urn:q")

    code, said = run(write(tmp_path, "a.ttl", ALLOWS), write(tmp_path, "b.ttl", other))

    assert (code, said) == (0, {"verdict": "NonConflict", "pairs": []})


def test_each_file_is_a_graph_of_its_own(tmp_path):
    """The same name of a condition in two files means two conditions."""
    text = (
        PREFIX
        + """<urn:{0}> a odrl:Set ; odrl:{1} [ odrl:action odrl:read ; odrl:target <urn:x> ; odrl:constraint <urn:c> ] .
        <urn:c> odrl:leftOperand odrl:spatial ; odrl:operator odrl:eq ; odrl:rightOperand <urn:{2}> ."""
    )
    one = write(tmp_path, "a.ttl", text.format("p", "permission", "nz"))

    assert run(one, write(tmp_path, "b.ttl", text.format("q", "prohibition", "nz")))[1]["verdict"] == "Conflict"
    assert run(one, write(tmp_path, "c.ttl", text.format("q", "prohibition", "be")))[1]["verdict"] == "NonConflict"


def test_what_cannot_be_read_ends_with_2_and_names_the_file(tmp_path):
    broken = write(tmp_path, "b.ttl", "no turtle")

    for path, wrong in ((broken, "document-unreadable"), (tmp_path / "none.ttl", "file-unreadable")):
        code, said = run(write(tmp_path, "a.ttl", ALLOWS), path)
        assert (code, said["error"]["code"], said["error"]["path"]) == (2, wrong, str(path))
    code, said = run(write(tmp_path, "e.ttl", PREFIX + "<urn:a> <urn:b> <urn:c> ."))
    assert (code, said["error"]["code"]) == (2, "policy-none")
