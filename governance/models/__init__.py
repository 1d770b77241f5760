"""What the ground floor holds; one module a subject."""

from governance.models.access import (
    Agreement,
    Decision,
    Grant,
    Hold,
    Party,
    PartyKey,
    Signature,
    Suspension,
    Token,
)
from governance.models.asking import (
    AccessRequest,
    Document,
    RequestAnswer,
    RequestMessage,
    Verification,
)
from governance.models.audit import Checkpoint, Cosignature, Event, Leaf, Node, Witness
from governance.models.breakglass import BreakGlass, BreakGlassView
from governance.models.consent import ConsentEvent, ConsentNotice, ConsentReceipt, Evidence, Withdrawal
from governance.models.holdings import (
    Contribution,
    Contributor,
    Dataset,
    Import,
    Media,
    Sample,
    SampleRevision,
)
from governance.models.people import (
    Community,
    FounderCode,
    Invitation,
    Membership,
    Person,
    RecoveryCode,
    SignInAttempt,
    new_id,
)
from governance.models.portable import PersonExport
from governance.models.protocols import GroupMembership, Protocol, ProtocolGroup, SeasonWindow
from governance.models.requests import Request
from governance.models.rules import Ballot, CharterRevision, CollectiveDecision, PolicyRevision, Proposal, Proxy

__all__ = [
    "AccessRequest",
    "Agreement",
    "Ballot",
    "BreakGlass",
    "BreakGlassView",
    "CharterRevision",
    "Checkpoint",
    "CollectiveDecision",
    "Community",
    "ConsentEvent",
    "ConsentNotice",
    "ConsentReceipt",
    "Contribution",
    "Contributor",
    "Cosignature",
    "Dataset",
    "Decision",
    "Document",
    "Event",
    "Evidence",
    "FounderCode",
    "Grant",
    "GroupMembership",
    "Hold",
    "Import",
    "Invitation",
    "Leaf",
    "Media",
    "Membership",
    "Node",
    "Party",
    "PartyKey",
    "Person",
    "PersonExport",
    "PolicyRevision",
    "Proposal",
    "Protocol",
    "ProtocolGroup",
    "Proxy",
    "RecoveryCode",
    "Request",
    "RequestAnswer",
    "RequestMessage",
    "Sample",
    "SampleRevision",
    "SeasonWindow",
    "SignInAttempt",
    "Signature",
    "Suspension",
    "Token",
    "Verification",
    "Withdrawal",
    "Witness",
    "new_id",
]
