"""What a check says: a finding, and the evidence beneath it.

A check is pure: it gets a frame of members, the context they stand in, and parameters; it returns findings. A finding says
what was counted, how many failed, whether that stops a version, and names samples that show it. Sentences are templates with
``{names}``: the edge translates the template and fills it, so that a finding written by a worker reads in any language.

The frame ``members`` has one row a sample, in any order, with these columns:

=============  ==================================================================================================
sample_uid     str, unique
text           str or None
text_hash      str, hash of the normal form (``governance.kernel.text``); ``''`` when nothing is left to compare
content_hash   str, hash over the raw content; ``''`` when unknown
media_sha      str or None, hash of the media file
label          str, tuple of str (several allowed), or None for "no consensus"
n_votes        int, valid opinions
agreement      float 0..1, share of the opinions that the label has
split          str or None
source_split   str or None, the split that the source itself named
groups         tuple of str: hard keys (speaker, author, document) that must not be torn apart
=============  ==================================================================================================
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from governance.kernel.digests import digest

if TYPE_CHECKING:
    import pandas as pd

Status = Literal["pass", "warn", "block", "error", "not_applicable"]
Number = int | float | None
#: What a finding measured: numbers, or names with numbers one level down; always writable as JSON.
Metric = Mapping[str, "Number | str | Mapping[str, Number] | Mapping[str, Mapping[str, Number]]"]

#: How many rows of evidence are kept; the total is always counted (quality.md, section 4: pandera #356).
EVIDENCE_CAP = 1000
#: From good to bad: a suite is as bad as its worst finding.
ORDER: tuple[Status, ...] = ("not_applicable", "pass", "warn", "block", "error")
#: Statuses that stop a version until a named approver overrides them.
STOPPING: frozenset[Status] = frozenset({"block", "error"})

#: Under which names the three parts are known in the wild.
ROLES: Mapping[str, frozenset[str]] = {
    "train": frozenset({"train", "training", "trn"}),
    "validation": frozenset({"validation", "valid", "val", "dev", "devel", "development", "eval"}),
    "test": frozenset({"test", "testing", "tst", "heldout", "held-out"}),
}


@dataclass(frozen=True)
class Evidence:
    """One row of evidence: the ids it is about (one sample, a pair, or a class), a value, and why it is here."""

    ids: tuple[str, ...]
    value: Number = None
    message: str = ""
    values: Mapping[str, object] = field(default_factory=dict)
    kind: Literal["sample", "pair", "class", "group"] = "sample"

    @property
    def reason(self) -> str:
        """The sentence in English."""
        return self.message.format(**self.values) if self.values else self.message

    def to_json(self) -> dict[str, object]:
        """Return the row as ``check_data`` and the API print it."""
        return {"ids": list(self.ids), "kind": self.kind, "value": self.value, "reason": self.reason}


@dataclass(frozen=True)
class Finding:
    """What one check says about one scope; the runner adds who ran it, with what, and for how long."""

    status: Status
    message: str
    values: Mapping[str, object] = field(default_factory=dict)
    score: float | None = None
    metric: Metric = field(default_factory=dict)
    threshold: Mapping[str, Number] = field(default_factory=dict)
    n_checked: int = 0
    n_failed: int = 0
    scope: str = "global"
    evidence: tuple[Evidence, ...] = ()
    evidence_total: int = 0
    fix: str = ""
    targets: tuple[str, ...] = ()
    check_id: str = ""
    check_version: int = 0
    params_hash: str = ""
    input_version: str = ""
    runtime_s: float = 0.0

    @property
    def reason(self) -> str:
        """The sentence in English."""
        return self.message.format(**self.values) if self.values else self.message

    @property
    def stops(self) -> bool:
        """Whether a version waits for this finding."""
        return self.status in STOPPING

    def to_json(self) -> dict[str, object]:
        """Return the finding as commands.md promises it."""
        return {
            "check_id": self.check_id,
            "check_version": self.check_version,
            "params_hash": self.params_hash,
            "input_version": self.input_version,
            "status": self.status,
            "score": self.score,
            "metric": dict(self.metric),
            "threshold": dict(self.threshold),
            "n_checked": self.n_checked,
            "n_failed": self.n_failed,
            "scope": self.scope,
            "evidence": [row.to_json() for row in self.evidence[:EVIDENCE_CAP]],
            "evidence_total": self.evidence_total,
            "suggested_fix": {"action": self.fix, "targets": list(self.targets)} if self.fix else None,
            "reason": self.reason,
            "runtime_s": self.runtime_s,
        }


@dataclass(frozen=True)
class Context:
    """What the members stand in.

    ``labels``: the declared classes, empty when nobody declared any (then the observed ones count). ``min_votes``: valid
    opinions that each sample needs. ``purpose``: ``version`` holds everything to the rule of a release, ``draft`` is milder.
    ``split_names``: the splits that ought to exist. ``quarantined``: whether a split with quarantine made the parts, so that
    any near pair across them is a fault. ``votes``: columns sample_uid, annotator, label; None when there are none.
    ``previous``: the members of the version before. ``memo`` keeps what several checks of one run share.
    """

    labels: tuple[str, ...] = ()
    min_votes: int = 0
    purpose: Literal["version", "draft"] = "version"
    previous: pd.DataFrame | None = None
    votes: pd.DataFrame | None = None
    split_names: tuple[str, ...] = ("train", "validation", "test")
    quarantined: bool = False
    memo: dict[str, object] = field(default_factory=dict, compare=False, repr=False)

    def named(self, role: str) -> str | None:
        """Return the name under which this context knows ``train``, ``validation`` or ``test``; None when it has none."""
        return next((name for name in self.split_names if name.lower() in ROLES[role]), None)


def not_applicable(message: str, **values: object) -> list[Finding]:
    """Return the one finding of a check that has nothing to look at; never a pass."""
    return [Finding("not_applicable", message, values)]


def worst(statuses: Iterable[str]) -> Status:
    """Return the worst of ``statuses``; ``not_applicable`` of none."""
    return max((ORDER[ORDER.index(s)] for s in statuses), key=ORDER.index, default="not_applicable")


def capped(rows: Sequence[Evidence]) -> tuple[Evidence, ...]:
    """Return at most ``EVIDENCE_CAP`` rows, the first ones: a check sorts the worst first."""
    return tuple(rows[:EVIDENCE_CAP])


def params_hash(params: Mapping[str, Number]) -> str:
    """Return the digest under which a set of parameters is known: 16 hex digits."""
    return digest(dict(sorted(params.items())))[:16]
