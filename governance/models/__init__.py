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
from governance.models.audit import Checkpoint, Event, Leaf
from governance.models.breakglass import BreakGlass, BreakGlassView
from governance.models.consent import ConsentEvent, ConsentNotice, ConsentReceipt, Withdrawal
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
    "Dataset",
    "Decision",
    "Document",
    "Event",
    "FounderCode",
    "Grant",
    "GroupMembership",
    "Hold",
    "Import",
    "Invitation",
    "Leaf",
    "Media",
    "Membership",
    "Party",
    "PartyKey",
    "Person",
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
    "new_id",
]
