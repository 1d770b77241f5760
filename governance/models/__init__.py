"""What the ground floor holds; one module a subject."""

from governance.models.access import Agreement, Decision, Hold, Party, Token
from governance.models.audit import Checkpoint, Event, Leaf
from governance.models.consent import ConsentEvent, ConsentNotice, ConsentReceipt, Withdrawal
from governance.models.holdings import (
    Contributor,
    Dataset,
    Import,
    Media,
    Protocol,
    ProtocolGroup,
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
from governance.models.requests import Request
from governance.models.rules import Ballot, PolicyRevision, Proposal

__all__ = [
    "Agreement",
    "Ballot",
    "Checkpoint",
    "Community",
    "ConsentEvent",
    "ConsentNotice",
    "ConsentReceipt",
    "Contributor",
    "Dataset",
    "Decision",
    "Event",
    "FounderCode",
    "Hold",
    "Import",
    "Invitation",
    "Leaf",
    "Media",
    "Membership",
    "Party",
    "Person",
    "PolicyRevision",
    "Proposal",
    "Protocol",
    "ProtocolGroup",
    "RecoveryCode",
    "Request",
    "Sample",
    "SampleRevision",
    "SignInAttempt",
    "Token",
    "Withdrawal",
    "new_id",
]
