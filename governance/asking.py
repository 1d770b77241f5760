"""Asking for access: a request from outside, the conversation about it, and the desk's answer.

Whoever asks has no account. They get a code, and with it they come back: to read questions and answer them, to send a
paper, to sign, to make a token. A machine compares the request with the rules at once and says what it found; the
answer comes from people. A yes is never wider than the rules: it draws up an agreement, or is refused with every
reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from governance import agreements, parties, policies
from governance.acts import act
from governance.codes import hash_code, new_code
from governance.kernel.errors import Conflict, Invalid, Missing, Reason, Unavailable
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import (
    AccessRequest,
    Agreement,
    Dataset,
    Party,
    Person,
    RequestAnswer,
    RequestMessage,
    SignInAttempt,
)
from governance.odrl import profile
from governance.odrl.decide import BEFORE, AgreementFact, Facts, PartyFact, Request, TargetFact, judge, request_reasons
from governance.odrl.duo import DuoTerm
from governance.odrl.duo_terms import NAMES
from governance.odrl.purposes import STANDARD
from governance.roles import DESK, Actor, Outsider, roles_of

WINDOW = timedelta(hours=1)
FREE_ASKS, FREE_CODES, FREE_WORDS = 5, 20, 20
LONGEST_MONTHS = 120
DUE = timedelta(days=7)
"""How soon an answer should come; nothing happens by itself then."""

DECLINED: Mapping[str, str] = {
    "purpose": _("The community does not give these samples for this purpose."),
    "money": _("The community does not give these samples to anybody who earns money with them."),
    "place": _("The community does not let these samples be worked with in that place."),
    "time": _("The time that you ask for is too long."),
    "benefit": _("We do not see what the community gains from it."),
    "unknown": _("We do not know you well enough yet. Speak with us first, then ask again."),
    "paper": _("A paper that the rules ask for is missing, or does not cover this project."),
    "now": _("Not at this time. You may ask again later."),
    "other": _("See the words beside this."),
}
"""Public reasons for a no; each is said in the language of whoever reads it."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks for, as they wrote it."""

    organisation: str
    kind: str
    contact: str
    purpose: str
    project: str
    words: str
    months: int
    is_commercial: bool = False
    email: str = ""
    place: str = ""
    institution: str = ""
    users: tuple[str, ...] = ()
    public_key: str = ""
    webhook_url: str = ""
    duo: tuple[str, ...] = ()
    language: str = ""


@dataclass(frozen=True)
class Precheck:
    """What a machine found in the rules: every reason that would refuse it today, and what must be shown first."""

    reasons: tuple[Reason, ...] = ()
    before: tuple[str, ...] = ()
    revision: int = 0
    needs_people: bool = False

    @property
    def fits(self) -> bool:
        """Whether nothing stands against it."""
        return not self.reasons

    def to_json(self) -> dict[str, object]:
        """As it is kept beside the request."""
        return {
            "fits": self.fits,
            "revision": self.revision,
            "needs_people": self.needs_people,
            "before": list(self.before),
            "reasons": [{"code": r.code, "public": str(r), "path": r.path} for r in self.reasons],
        }


def precheck(dataset: Dataset, asked: Asked, at: datetime | None = None) -> Precheck:
    """Judge a made-up agreement of this kind by the rules in force; permits nothing and keeps nothing."""
    now = at or timezone.now()
    urn, ref = policies.urn_of(dataset), "party:asking"
    facts = Facts(
        party=PartyFact(
            ref, asked.kind, place=asked.place.upper(), institution=asked.institution, users=tuple(asked.users)
        ),
        target=TargetFact(urn, urn, 1, "published"),
        layers=agreements.layers_now(dataset, now),
        agreement=AgreementFact(
            ref="A-new",
            party=ref,
            dataset=urn,
            purpose=asked.purpose,
            commercial=asked.is_commercial,
            from_version=1,
            starts_at=now,
            ends_at=end_after(asked.months, now),
            project=asked.project,
        ),
    )
    duo = tuple(DuoTerm(code) for code in asked.duo)
    request = Request(ref, profile.PULL, urn, asked.purpose, asked.is_commercial, now, duo)
    against = request_reasons(request, facts)
    before = {
        duty.action
        for layer in facts.layers
        for judged in judge(layer, request, facts).permissions
        for duty in judged.rule.duties
        if duty.phase == BEFORE
    }
    revision = max((layer.revision for layer in facts.layers if layer.level == "dataset"), default=0)
    reasons = {
        b.code + b.sentence: Reason(b.code, b.public, _PATHS.get(b.code), values=dict(b.values)) for b in against
    }
    needs_people = any(b.code == "needs-human-review" for b in against)
    return Precheck(tuple(reasons.values()), tuple(sorted(before)), revision, needs_people)


_PATHS: Mapping[str, str] = {
    "purpose-not-permitted": "purpose",
    "prohibited": "purpose",
    "organisation-not-permitted": "kind",
    "commercial-not-permitted": "is_commercial",
    "agreement-too-long": "months",
    "place-not-permitted": "place",
    "institution-not-permitted": "institution",
    "user-not-permitted": "users",
    "project-not-permitted": "project",
    "duo-not-permitted": "duo",
    "needs-human-review": "duo",
}


def ask(dataset: Dataset, asked: Asked, *, address: str) -> tuple[AccessRequest, str]:
    """Keep a request and return it with its code, which is shown once.

    What goes against the rules is said and does not stop the asking. Raises ``Invalid`` with every reason for what
    cannot be read, and ``Unavailable`` (``too-many-requests``) after many from one address.
    """
    given = _cleaned(asked)
    _throttle("ask", address, FREE_ASKS)
    code = new_code()
    row = AccessRequest(
        dataset=dataset, code_hash=hash_code(code), precheck=precheck(dataset, asked).to_json(), **given
    )
    with act(Outsider(row.ref), "access.ask", on=dataset) as details:
        SignInAttempt.objects.create(key=_key("ask", address))
        row.save(force_insert=True)
        details |= {
            "object": row,
            "dataset": dataset.public_id,
            "purpose": row.purpose,
            "commercial": row.is_commercial,
            "kind": row.kind,
            "months": row.months,
            "fits": row.precheck["fits"],
        }
    return row, code


def of_code(code: str, *, address: str) -> AccessRequest | Agreement:
    """Return what a code opens: a request, or an agreement that was drawn up without one.

    Raises ``Missing`` (``access-code-unknown``) and, after many wrong ones from one address, ``Unavailable``
    (``too-many-codes``).
    """
    _throttle("code", address, FREE_CODES, code="too-many-codes")
    hashed = hash_code(code)
    found = AccessRequest.objects.filter(code_hash=hashed).select_related("dataset__community", "agreement").first()
    other = Agreement.objects.filter(code_hash=hashed).exclude(code_hash="").first()
    if found is None and other is None:
        SignInAttempt.objects.create(key=_key("code", address))
        raise Missing(
            "access-code-unknown", _("We do not know this code. Look at it again; O and 0, I and 1 make no difference.")
        )
    return found or other  # type: ignore[return-value]  # one of them is there


def say(request: AccessRequest, *, body: str, by: Actor) -> RequestMessage:
    """Ask back or answer, from either side. Raises ``Invalid`` (``message-empty``) and ``Conflict`` (``moved-on``)."""
    text = body.strip()
    if not text or len(text) > 4000:
        message = _("Write something, in 4,000 characters at most.")
        raise Invalid("message-empty", reasons=[Reason("message-empty", message, "body")])
    _require_asker(request, by)
    recent = request.messages.filter(author=None, at__gt=timezone.now() - WINDOW).count()
    if isinstance(by, Outsider) and recent >= FREE_WORDS:
        raise Unavailable("too-many-requests", _("That was a lot at once. Please wait an hour."), retry_after=3600)
    with act(by, "access.say", on=request) as details:
        now = timezone.now()
        turn = {"is_our_turn": isinstance(by, Outsider), "turned_at": now}
        if not AccessRequest.objects.filter(pk=request.pk, status=AccessRequest.Status.OPEN).update(**turn):
            raise Conflict("moved-on", _("This request was answered already."))
        said = RequestMessage.objects.create(
            request=request, author=by if isinstance(by, Person) else None, body=text, at=now
        )
        details |= {"message": said.public_id}
    request.refresh_from_db()
    return said


def assign(request: AccessRequest, *, to: Person | None, by: Person) -> AccessRequest:
    """Say who of the desk looks after it; None: nobody. Raises ``Invalid`` (``not-eligible``)."""
    if to is not None and not roles_of(to, request.community) & DESK:
        message = _("Only a keeper or a steward can look after a request.")
        raise Invalid("not-eligible", reasons=[Reason("not-eligible", message, "to")])
    with act(by, "access.assign", on=request) as details:
        AccessRequest.objects.filter(pk=request.pk).update(assigned_to=to)
        details["to"] = to.ref if to else None
    request.refresh_from_db()
    return request


def take_back(request: AccessRequest, *, by: Outsider) -> AccessRequest:
    """Let the asker take a request back that nobody has answered. Raises ``Conflict`` (``moved-on``)."""
    _require_asker(request, by)
    with act(by, "access.take-back", on=request):
        must_move(request, AccessRequest.Status.TAKEN_BACK)
    return request


def decline(request: AccessRequest, *, reason: str, by: Person, words: str = "") -> RequestAnswer:
    """Say no, with a reason that they read. Raises ``Invalid`` (``reason-missing``) and ``Conflict`` (``moved-on``)."""
    if reason not in DECLINED or (reason == "other" and not words.strip()):
        message = _("Say why, so that they know what would make it a yes.")
        raise Invalid("reason-missing", reasons=[Reason("reason-missing", message, "reason")])
    with act(by, "access.decline", on=request) as details:
        answer = _answer(request, RequestAnswer.Outcome.DECLINE, by, reason=reason, words=words)
        details |= {"reason": reason, "object": request}
    return answer


def accept(
    request: AccessRequest,
    *,
    by: Person,
    words: str = "",
    months: int | None = None,
    is_commercial: bool | None = None,
    terms: agreements.Terms = agreements.USUAL,
    party: Party | None = None,
) -> Agreement:
    """Say yes as far as the rules go, or narrower, and draw up the agreement; nobody has signed it then.

    ``party`` is one that is known already; else one is written down from the request. Raises ``Invalid``
    (``agreement-too-wide``) with every reason, and ``Conflict`` (``moved-on``) when somebody answered already.
    """
    now = timezone.now()
    length = min(months or request.months, request.months)
    commercial = request.is_commercial and is_commercial is not False
    with act(by, "access.accept", on=request) as details:
        _answer(request, RequestAnswer.Outcome.ACCEPT, by, words=words)
        whose = party or _party_of(request, by)
        start = terms.not_before or now
        agreement = agreements.draw_up(
            whose,
            dataset=request.dataset,
            purpose=request.purpose,
            is_commercial=commercial,
            expires_at=end_after(length, start),
            by=by,
            terms=_with_request(terms, request),
        )
        AccessRequest.objects.filter(pk=request.pk).update(party=whose, agreement=agreement, is_our_turn=False)
        details |= {"agreement": agreement.public_id, "object": request}
    request.refresh_from_db()
    return agreement


def asker_of(request: AccessRequest) -> Outsider:
    """Whoever has the code of a request, as an actor."""
    return Outsider(request.ref)


def end_after(months: int, start: datetime) -> datetime:
    """The last second of the day before the same day so many months later, so that it is never a day more."""
    month = start.month - 1 + max(1, months)
    year, month = start.year + month // 12, month % 12 + 1
    day = min(start.day, 28)
    same = start.replace(year=year, month=month, day=day)
    return (same - timedelta(days=1)).replace(hour=23, minute=59, second=59, microsecond=0)


def _with_request(terms: agreements.Terms, request: AccessRequest) -> agreements.Terms:
    return agreements.Terms(
        from_version=terms.from_version,
        to_version=terms.to_version,
        not_before=terms.not_before,
        project=request.project,
        users=tuple(request.users),
        role=terms.role,
        sub_processors=terms.sub_processors,
        at_end=terms.at_end,
        more=terms.more,
        duo=tuple(request.duo),
        reviewed=terms.reviewed,
    )


def _answer(request: AccessRequest, outcome: str, by: Person, *, reason: str = "", words: str = "") -> RequestAnswer:
    """Keep the one answer to a request; whoever is second is told that it was answered."""
    status = {
        RequestAnswer.Outcome.ACCEPT: AccessRequest.Status.ACCEPTED,
        RequestAnswer.Outcome.DECLINE: AccessRequest.Status.DECLINED,
    }
    must_move(request, status[RequestAnswer.Outcome(outcome)], is_our_turn=False)
    try:
        with transaction.atomic():
            return RequestAnswer.objects.create(
                request=request, outcome=outcome, reason=reason, words=words.strip()[:4000], by=by
            )
    except IntegrityError as error:
        raise Conflict("moved-on", _("Somebody answered this request already.")) from error


def _party_of(request: AccessRequest, by: Person) -> Party:
    """The party that a request becomes: one that shows the same key, or a new one."""
    if request.public_key:
        known = Party.objects.filter(community=request.community, public_key=request.public_key).first()
        if known is not None:
            return known
    return parties.add(
        request.community,
        name=request.organisation,
        kind=request.kind,
        contact=request.contact,
        email=request.email,
        webhook_url=request.webhook_url,
        place=request.place,
        institution=request.institution,
        users=request.users,
        public_key=request.public_key,
        by=by,
    )


def _cleaned(asked: Asked) -> dict[str, object]:
    """What is kept of a request; raises ``Invalid`` with every reason."""
    reasons: list[Reason] = []
    given: dict[str, object] = {}
    try:
        given = parties.cleaned(
            name=asked.organisation,
            kind=asked.kind,
            contact=asked.contact,
            email=asked.email,
            webhook_url=asked.webhook_url,
            place=asked.place,
            institution=asked.institution,
            users=asked.users,
            public_key=asked.public_key,
        )
    except Invalid as refusal:
        reasons += [
            Reason(r.code, r.message, "organisation" if r.path == "name" else r.path, values=r.values)
            for r in refusal.reasons
        ]
    reasons += _own_reasons(asked)
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    given["organisation"] = given.pop("name")
    return given | {
        "purpose": asked.purpose,
        "is_commercial": asked.is_commercial,
        "project": asked.project.strip(),
        "words": asked.words.strip(),
        "months": asked.months,
        "duo": sorted(set(asked.duo)),
        "language": asked.language,
    }


def _own_reasons(asked: Asked) -> Iterable[Reason]:
    if not asked.contact.strip():
        yield Reason("contact-missing", _("Say who asks, and how they can be reached."), "contact")
    if asked.purpose not in STANDARD:
        yield Reason("purpose-missing", _("Say what the data is for. Nothing is given without a purpose."), "purpose")
    elif not STANDARD.is_leaf(asked.purpose):
        values: dict[str, object] = {"name": STANDARD[asked.purpose].title}
        message = _("“{name}” is too broad: an agreement names exactly what the data is for.")
        yield Reason("purpose-too-broad", message, "purpose", values=values)
    if not asked.project.strip() or len(asked.project) > 255:
        yield Reason("project-missing", _("Give your project a name, in 255 characters at most."), "project")
    if not asked.words.strip() or len(asked.words) > 4000:
        message = _("Say in your own words what you will do and who gains from it, in 4,000 characters at most.")
        yield Reason("project-missing", message, "words")
    if not 1 <= asked.months <= LONGEST_MONTHS:
        yield Reason("months-wrong", _("Say for how many months, from 1 to 120."), "months")
    known = {name.shorthand for name in NAMES.values()}
    for code in asked.duo:
        if code not in known:
            message = _("Nobody knows the DUO term “{name}”.")
            yield Reason("duo-unknown", message, "duo", values={"name": code})


def _require_asker(request: AccessRequest, by: Actor) -> None:
    """Nobody outside touches a request that is not their own."""
    if isinstance(by, Outsider) and by.ref != request.ref:
        raise Missing("not-found", _("There is nothing here that you can see."))


def _key(what: str, address: str) -> str:
    return salted_hmac(f"wellhouse.asking.{what}", address).hexdigest()


def _throttle(what: str, address: str, free: int, code: str = "too-many-requests") -> None:
    recent = SignInAttempt.objects.filter(key=_key(what, address), at__gt=timezone.now() - WINDOW).count()
    if recent >= free:
        message = _("Too many tries from here. Please wait an hour, or write to the keepers.")
        raise Unavailable(code, message, retry_after=int(WINDOW.total_seconds()))
