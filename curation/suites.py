"""Run checks over members, one after the other. A check that breaks is a finding too: ``error``, which stops a version."""

import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import ModuleType

import pandas as pd

from curation.findings import Context, Finding, params_hash
from governance.kernel.registry import Registry
from governance.kernel.words import _

log = logging.getLogger("wellhouse.checks")

CHECKS = Registry("curation.checks")


@dataclass(frozen=True)
class Planned:
    """One check that will run, with the parameters that it will get."""

    check_id: str
    version: int
    params: Mapping[str, float]

    @property
    def params_hash(self) -> str:
        """The digest of its parameters."""
        return params_hash(self.params)


def plan(names: Sequence[str] = (), policy: Mapping[str, Mapping[str, float]] | None = None) -> list[Planned]:
    """Return what will run: ``names`` (default: every check there is), each with its defaults and the policy's own figures.

    Raises ``KeyError`` with the name of a check, or ``check.parameter``, that does not exist.
    """
    wanted = dict(policy or {})
    for name in wanted:
        CHECKS[name]
    planned = []
    for name in names or CHECKS.names:
        module = CHECKS[name]
        unknown = sorted(set(wanted.get(name, {})) - set(module.DEFAULTS))
        if unknown:
            raise KeyError(f"{name}.{unknown[0]}")
        planned.append(Planned(name, module.VERSION, {**module.DEFAULTS, **wanted.get(name, {})}))
    return planned


def run(
    planned: Sequence[Planned], members: pd.DataFrame, context: Context, *, input_version: str = ""
) -> Iterator[tuple[Planned, list[Finding]]]:
    """Yield each check with its findings as soon as they are there; each carries id, version, parameters and time taken."""
    for item in planned:
        start = time.perf_counter()
        found = _try(CHECKS[item.check_id], members, context, item.params)
        took = time.perf_counter() - start
        yield (
            item,
            [
                replace(
                    finding,
                    check_id=item.check_id,
                    check_version=item.version,
                    params_hash=item.params_hash,
                    input_version=input_version,
                    runtime_s=round(took, 4),
                )
                for finding in found
            ],
        )


def _try(module: ModuleType, members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    try:
        missing = [name for name in module.READS if name not in members.columns]
        if missing:
            return [
                Finding(
                    "error", _("This check needs a column that is not there: {names}."), {"names": ", ".join(missing)}
                )
            ]
        found: list[Finding] = module.check(members, context, params)
        for finding in found:
            # What cannot be written down must not pass for an answer: NaN and infinity are no JSON.
            json.dumps(finding.to_json(), allow_nan=False)
        return found
    except Exception as broken:  # the edge of a check: whatever it is, it counts as a failure and never as a pass
        log.exception("check %s broke", module.__name__)
        words = _("This check stopped before it had an answer ({kind}). A check that stops never counts as passed.")
        return [Finding("error", words, {"kind": type(broken).__name__})]
