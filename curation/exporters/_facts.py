"""What an exporter is told about a version: plain, frozen, without a model.

``Facts`` is everything the documents of a version may say; ``Column`` is one column of its rows; ``File`` is one file as the
manifest lists it. Nothing here holds a build time: the same facts give the same bytes for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

SPLITS = ("train", "validation", "test")
RESERVED = ("sample_id", "label", "n_votes", "agreement", "soft_label", "media")


@dataclass(frozen=True)
class Column:
    """One column: its name, its kind, and for labels the names behind the numbers.

    ``kind`` is string, int64, float64, bool, class_label, class_labels (a list), floats (a list), audio or image. The last
    two are structs of ``bytes`` and ``path``, which is what `datasets` decodes.
    """

    name: str
    kind: str
    names: tuple[str, ...] = ()
    description: str = ""
    required: bool = False


@dataclass(frozen=True)
class File:
    """One file of a version; ``path`` is relative, ``size`` in bytes, ``sha256`` in hex.

    ``config``, ``split`` and ``rows`` are set for shards only; ``uncompressed`` is the sum over their row groups, in bytes.
    """

    path: str
    size: int
    sha256: str
    config: str = ""
    split: str = ""
    rows: int = 0
    uncompressed: int = 0


@dataclass(frozen=True)
class Facts:
    """A version in words and numbers.

    ``configs`` maps a config's name to its columns, the default one first under ``default``. ``frozen_at`` is an ISO 8601
    instant in UTC; ``excluded`` counts the samples left out, by reason code; ``recipe`` is everything that, with the members,
    decides the bytes. ``revocations`` is the address of the signed list of what must no longer be used, ``revocation_key`` (hex)
    the key by which holders of this version recognise their rows in it. ``duo`` are shorthands of DUO's terms that truly fit the
    rules.
    """

    community: str
    community_title: str
    dataset: str
    title: str
    description: str
    version: int
    frozen_at: str
    public_url: str
    members_root: str
    n_members: int
    policy_revision: int
    configs: Mapping[str, tuple[Column, ...]]
    recipe: Mapping[str, object]
    policy: Mapping[str, object] = field(default_factory=dict)
    purposes: tuple[str, ...] = ()
    duo: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    language: str = ""
    contact: str = ""
    predecessor: int | None = None
    fictional: bool = False
    revocations: str = ""
    revocation_key: str = ""

    @property
    def repo(self) -> str:
        """The repository id of the Hub protocol: ``community/dataset``."""
        return f"{self.community}/{self.dataset}"

    @property
    def tag(self) -> str:
        """The tag of this version, never moved and never used again."""
        return f"v{self.version}"

    @property
    def page(self) -> str:
        """The address of the dataset's page."""
        return f"{self.public_url}/datasets/{self.repo}"

    def address(self, path: str) -> str:
        """Return the absolute address of one file, by tag: the commit cannot be known to a file that the manifest lists."""
        return f"{self.page}/resolve/{self.tag}/{path}"


def shards_of(files: "tuple[File, ...] | list[File]", config: str) -> dict[str, list[File]]:
    """Return the shards of ``config`` by split, splits in their usual order, shards by path."""
    found: dict[str, list[File]] = {}
    for split in SPLITS:
        shards = sorted((f for f in files if f.config == config and f.split == split and f.rows), key=lambda f: f.path)
        if shards:
            found[split] = shards
    return found
