"""The rules as a machine reads them: policy.odrl.json.

Reads the policy revision (ODRL 2.2, JSON-LD) in force when the version was frozen; yields it as canonical JSON (RFC 8785),
so that a pipeline and a lawyer hold the same bytes that the community voted on.
"""

from collections.abc import Sequence

from curation.exporters._facts import Facts, File
from governance.kernel.digests import canonical
from governance.kernel.words import _

TITLE = _("Usage policy")
STAGE = "document"
PATH = "policy.odrl.json"


def render(facts: Facts, files: Sequence[File]) -> bytes:
    """Return the policy of ``facts`` as canonical JSON."""
    return canonical(dict(facts.policy))
