"""The data card: README.md, which people read first and `datasets` reads to learn configs, splits and typed features.

Reads the facts of a version and its shards; yields Markdown with YAML front matter: one entry a config with its data files,
and ``dataset_info`` with the names behind every class label, so that a client shows words and not numbers. Lists are written
as ``sequence``, which every release of `datasets` since 2.0 understands. Texts that people wrote stand in the body with
Markdown's own signs escaped.

Source: Hugging Face dataset cards, https://huggingface.co/docs/hub/datasets-cards (metadata names).
"""

import re
from collections.abc import Sequence

import yaml

from curation.exporters._facts import Column, Facts, File, shards_of
from governance.kernel.words import _

TITLE = _("Data card")
STAGE = "document"
PATH = "README.md"

_MARKS = re.compile(r"([\\`*_{}\[\]<>#|!])")
_KINDS = {"class_label": "one of", "class_labels": "some of", "floats": "list of float64"}


def render(facts: Facts, files: Sequence[File]) -> bytes:
    """Return README.md for ``facts`` with the shards among ``files``."""
    front = yaml.safe_dump(_front(facts, files), sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{front}---\n{_body(facts, files)}".encode()


def feature(column: Column) -> dict[str, object]:
    """Return one feature as `datasets` writes it into front matter."""
    label = {"class_label": {"names": {str(i): name for i, name in enumerate(column.names)}}}
    if column.kind == "class_label":
        return {"name": column.name, "dtype": label}
    if column.kind == "class_labels":
        return {"name": column.name, "sequence": label}
    if column.kind == "floats":
        return {"name": column.name, "sequence": "float64"}
    return {"name": column.name, "dtype": column.kind}


def _front(facts: Facts, files: Sequence[File]) -> dict[str, object]:
    """The YAML that clients read."""
    configs, infos = [], []
    for config, columns in facts.configs.items():
        shards = shards_of(tuple(files), config)
        if not shards:
            continue
        folder = shards[next(iter(shards))][0].path.split("/")[0]
        entry: dict[str, object] = {"config_name": config}
        if config == "default":
            entry["default"] = True
        entry["data_files"] = [{"split": split, "path": f"{folder}/{split}-*"} for split in shards]
        configs.append(entry)
        splits = [
            {
                "name": split,
                "num_bytes": sum(f.uncompressed for f in found),
                "num_examples": sum(f.rows for f in found),
            }
            for split, found in shards.items()
        ]
        infos.append({"config_name": config, "features": [feature(c) for c in columns], "splits": splits})
    front: dict[str, object] = {
        "pretty_name": " ".join(facts.title.split()),
        "license": "other",
        "license_name": "by-agreement",
    }
    front["license_link"] = facts.page
    if facts.language:
        front["language"] = [facts.language]
    return {**front, "configs": configs, "dataset_info": infos}


def _body(facts: Facts, files: Sequence[File]) -> str:
    """The words for people."""
    parts = [
        f"# {_safe(facts.title)}, version {facts.version}",
        _safe(facts.description),
        _whose(facts),
        "## What you may do with it",
        _list([_safe(rule) for rule in facts.rules]) or "Nothing is allowed without an agreement.",
        f"Rules: revision {facts.policy_revision}, as a machine reads them in [policy.odrl.json](policy.odrl.json).",
        "## What is in it",
        _counts(facts, files),
        _columns(facts),
        "## What was left out",
        _left_out(facts),
    ]
    if facts.warnings:
        parts += ["## What the checks warn of", _list([_safe(w) for w in facts.warnings])]
    parts += [
        "## How to pull it",
        _pull(facts),
        "## How to check it",
        _check(facts),
        "## If it is withdrawn",
        _gone(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _whose(facts: Facts) -> str:
    """One sentence on who answers for it, and one on fiction where it is one."""
    sentence = f"Held by the community {_safe(facts.community_title)}."
    if facts.fictional:
        sentence += " This community and everything in this dataset are made up, to show how the software works."
    return sentence + (f" Questions: {_safe(facts.contact)}." if facts.contact else "")


def _counts(facts: Facts, files: Sequence[File]) -> str:
    """Rows by config and split."""
    rows = ["| config | split | rows | files |", "|---|---|---:|---:|"]
    for config in facts.configs:
        for split, found in shards_of(tuple(files), config).items():
            rows.append(f"| {config} | {split} | {sum(f.rows for f in found)} | {len(found)} |")
    return "\n".join(rows)


def _columns(facts: Facts) -> str:
    """The columns of the default config and what stands behind the labels."""
    rows = ["| column | type | what it is |", "|---|---|---|"]
    for column in facts.configs["default"]:
        kind = _KINDS.get(column.kind, column.kind)
        if column.names:
            kind += " " + ", ".join(_safe(name) for name in column.names)
        rows.append(f"| {_safe(column.name)} | {kind} | {_safe(column.description)} |")
    return "\n".join(rows)


def _left_out(facts: Facts) -> str:
    """Counts by reason; a count alone names nobody."""
    if not facts.excluded:
        return "Nothing was left out."
    return _list([f"{count} by reason `{code}`" for code, count in sorted(facts.excluded.items())])


def _pull(facts: Facts) -> str:
    """Three settings and the call."""
    return (
        "Set these before Python starts; the token belongs to one agreement and one purpose.\n\n"
        f"```sh\nexport HF_ENDPOINT={facts.public_url}\nexport HF_TOKEN=...\nexport HF_UPDATE_DOWNLOAD_COUNTS=0\n```\n\n"
        "```python\nfrom datasets import load_dataset  # 4.5 or newer\n\n"
        f'data = load_dataset("{facts.repo}", revision="{facts.tag}")\n```'
    )


def _check(facts: Facts) -> str:
    """What anyone can verify without an account."""
    return (
        "`manifest.json` names every file with its SHA-256; the first 40 digits of its own SHA-256 are the commit. "
        "`manifest.dsse.json` is its signature (in-toto in DSSE, Ed25519).\n\n"
        "```sh\nsha256sum manifest.json | cut -c1-40\n"
        "jq -r '.files[]|\"\\(.sha256)  \\(.path)\"' manifest.json | sha256sum -c -\n```"
    )


def _gone(facts: Facts) -> str:
    """Where withdrawals are told and what then must be deleted."""
    return (
        f'Ask before each run: `HfApi().dataset_info("{facts.repo}", revision="{facts.tag}")`. '
        f"The signed list {facts.revocations} says what must no longer be used; `manifest.json` holds the key by which you "
        "recognise your rows, and `clients/wellhouse_client.py` refuses to hand out what is listed. "
        f"The page {facts.page} always says which versions stand. After a withdrawal delete both copies that clients keep: "
        "`~/.cache/huggingface/hub` and `~/.cache/huggingface/datasets`."
    )


def _safe(text: str) -> str:
    """One line of text in which Markdown finds no sign of its own."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _list(items: Sequence[str]) -> str:
    """A Markdown list."""
    return "\n".join(f"- {item}" for item in items)
