"""The data card: `datasets` reads it as it is meant, and nobody's words become markup."""

from pathlib import Path

import yaml

from curation.exporters import card
from curation.exporters._facts import Column
from tests.curation.exporters.facts import DEFAULT, facts, shards, write_version


def front_matter(content: bytes) -> dict:
    return yaml.safe_load(content.decode().split("---\n")[1])


def test_configs_splits_and_label_names_are_in_the_front_matter(tmp_path: Path) -> None:
    files = shards(tmp_path, train=40, test=20)

    front = front_matter(card.render(facts(), files))

    assert front["configs"] == [
        {
            "config_name": "default",
            "default": True,
            "data_files": [{"split": "train", "path": "data/train-*"}, {"split": "test", "path": "data/test-*"}],
        }
    ]
    described = front["dataset_info"][0]
    assert [s["num_examples"] for s in described["splits"]] == [40, 20]
    assert described["features"][3]["dtype"]["class_label"]["names"] == {"0": "no", "1": "yes", "2": "it depends"}


def test_a_label_called_no_stays_a_word(tmp_path: Path) -> None:
    content = card.render(facts(), shards(tmp_path, train=5)).decode()

    assert "'0': 'no'" in content


def test_counts_of_what_was_left_out_stand_on_the_card(tmp_path: Path) -> None:
    content = card.render(facts(), shards(tmp_path, train=5)).decode()

    assert "- 4 by reason `consent-unknown`" in content


def test_words_of_people_cannot_become_markup(tmp_path: Path) -> None:
    hostile = facts(description="<script>x</script> [click](http://e)\n\n# Big", title="a\n---\nb: c")

    content = card.render(hostile, shards(tmp_path, train=5)).decode()

    assert "<script>" not in content
    assert "[click](" not in content
    assert front_matter(content.encode())["pretty_name"] == "a --- b: c"


def test_several_labels_are_a_list_of_class_labels() -> None:
    column = Column("label", "class_labels", names=("x", "y"))

    assert card.feature(column) == {"name": "label", "sequence": {"class_label": {"names": {"0": "x", "1": "y"}}}}


def test_datasets_loads_a_folder_by_its_card(tmp_path: Path, load_folder) -> None:
    write_version(tmp_path, facts(), shards(tmp_path, train=40, validation=10, test=10))

    found = load_folder(tmp_path, "default")

    assert found["rows"] == {"train": 40, "validation": 10, "test": 10}
    assert found["features"] == [c.name for c in DEFAULT]
    assert found["names"] == ["no", "yes", "it depends"]
