"""A small made-up version for the tests of the exporters."""

import hashlib
from pathlib import Path

from curation.exporters import card, croissant, manifest, parquet, policy
from curation.exporters._facts import Column, Facts, File

DEFAULT = (
    Column("sample_id", "string", required=True, description="Stays the same from version to version"),
    Column("text", "string", description="As it was written"),
    Column("stars", "int64"),
    Column("label", "class_label", names=("no", "yes", "it depends"), description="What most people said"),
    Column("n_votes", "int64", required=True),
    Column("agreement", "float64"),
)


def facts(**changes: object) -> Facts:
    """Return the facts of version 3 of ``saltmarsh/tide-tales``."""
    values: dict[str, object] = {
        "community": "saltmarsh",
        "community_title": "Saltmarsh Quay",
        "dataset": "tide-tales",
        "title": "Tide tales",
        "description": "Short pieces of story, each with the feeling its teller shows.",
        "version": 3,
        "frozen_at": "2026-11-01T10:00:00Z",
        "public_url": "http://127.0.0.1:8000",
        "members_root": "ab" * 32,
        "n_members": 60,
        "policy_revision": 7,
        "configs": {"default": DEFAULT},
        "recipe": {**parquet.RECIPE, "public_url": "http://127.0.0.1:8000", "frozen_at": "2026-11-01T10:00:00Z"},
        "policy": {"@type": "Set", "uid": "urn:wellhouse:policy:7", "conflict": "prohibit"},
        "purposes": ("teaching", "language-research"),
        "rules": ("You may use it to teach.", "You may not sell it."),
        "excluded": {"consent-unknown": 4, "on-hold": 1},
        "fictional": True,
    }
    return Facts(**{**values, **changes})  # type: ignore[arg-type]  # the values above have the right types


def rows(n: int, salt: str = "") -> list[tuple[object, ...]]:
    """Return ``n`` rows in the columns of DEFAULT, in order of their ids."""
    ids = sorted(hashlib.blake2b(f"{salt}{i}".encode(), digest_size=16).hexdigest() for i in range(n))
    return [(uid, f"ọrọ {i} “{uid[:4]}”", i % 6 or None, i % 3, 3, 2 / 3) for i, uid in enumerate(ids)]


def shards(folder: Path, **sizes: int) -> list[File]:
    """Write one default shard a split below ``folder`` and return them as files."""
    files = []
    for split, n in sizes.items():
        path = parquet.shard_path("default", split, 0, 1)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        written = parquet.write(rows(n, split), DEFAULT, target)
        files.append(File(path, written.size, written.sha256, "default", split, written.rows, written.uncompressed))
    return files


def write_version(folder: Path, described: Facts, files: list[File]) -> list[File]:
    """Write the documents, the manifest and nothing else; return all files that the manifest lists."""
    for module in (card, croissant, policy):
        content = module.render(described, files[:])
        (folder / module.PATH).write_bytes(content)
        files = [*files, File(module.PATH, len(content), hashlib.sha256(content).hexdigest())]
    (folder / manifest.PATH).write_bytes(manifest.render(described, files))
    return files
