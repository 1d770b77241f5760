"""What a column holds, as far as its name and its first rows tell."""

from governance.formats import FORMATS, format_of
from governance.sheets import guess, settle_roles


def test_names_and_values_speak_for_a_role() -> None:
    names = ("ref", "transcript", "wav", "who", "feeling", "mobile", "gender", "split", "notes")
    rows = [
        ("OS-1", "Sela tun", "a.wav", "T-1", "glad", "+44 123 456 7890", "f", "train", ""),
        ("OS-2", "marrowe e’ dra", "b.wav", "T-1", "sad", "+44 123 456 7891", "m", "test", "x"),
    ]

    roles, notes = guess(names, rows)

    assert roles == {
        "ref": "id",
        "transcript": "text",
        "wav": "media",
        "who": "contributor",
        "feeling": "data",
        "mobile": "leave",
        "gender": "leave",
        "split": "split",
        "notes": "data",
    }
    assert notes["ref"] == "no two alike" and "personal" in notes["mobile"]


def test_an_id_column_whose_values_are_mostly_alike_is_no_id() -> None:
    roles, _notes = guess(("id", "text"), [("1", "a b"), ("1", "c d"), ("1", "e f")])

    assert roles["id"] == "data"


def test_without_a_telling_name_the_wordiest_column_is_the_text() -> None:
    roles, _notes = guess(
        ("code", "what"), [("0123456789abcdef0123456789", "a few words"), ("1123456789abcdef", "more words")]
    )

    assert roles == {"code": "data", "what": "text"}


def test_what_was_said_wins_over_a_guess() -> None:
    settled = settle_roles({"text": "text", "label": "label", "x": "data"}, {"x": "text"})

    assert settled == {"text": "data", "label": "label", "x": "text"}


def test_formats_are_known_by_their_endings() -> None:
    assert set(FORMATS) == {"csv", "excel", "jsonl", "label_studio", "parquet"}
    assert [format_of(name) for name in ("a.TSV", "a.xlsx", "a.ndjson", "a.json", "a.parquet", "a.doc")] == [
        "csv",
        "excel",
        "jsonl",
        "label_studio",
        "parquet",
        "",
    ]
