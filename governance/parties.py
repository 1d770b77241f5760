"""Parties: the organisations outside that ask, where they work, who they named, and the key that signs for them.

A party's key is an Ed25519 public key; its private half never comes here. Changing it keeps the old one, because what
it signed must stay checkable; a key that fell into other hands is named as such and checks nothing from then on.
"""

import re
from collections.abc import Iterable, Mapping

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator, validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from governance import grants, signing
from governance.acts import act
from governance.kernel.errors import Conflict, Invalid, NotAllowed, Reason
from governance.kernel.words import _
from governance.models import Community, Party, PartyKey, Person
from governance.roles import Actor, Machine, Outsider

PLACE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
"""ISO 3166: a country (``NZ``) or a part of one (``NZ-AUK``)."""
USERS = 50
BY_RULE = Machine("parties")
FIELDS = ("name", "kind", "contact", "email", "webhook_url", "place", "institution", "users")


def add(
    community: Community,
    *,
    name: str,
    kind: str,
    by: Person,
    contact: str = "",
    email: str = "",
    webhook_url: str = "",
    place: str = "",
    institution: str = "",
    users: Iterable[str] = (),
    public_key: str = "",
) -> Party:
    """Write down an organisation that may ask.

    Raises ``Invalid`` with every reason and ``Conflict`` (``party-exists``).
    """
    given = cleaned(
        name=name,
        kind=kind,
        contact=contact,
        email=email,
        webhook_url=webhook_url,
        place=place,
        institution=institution,
        users=users,
        public_key=public_key,
    )
    pem = str(given.pop("public_key"))
    with act(by, "party.add", on=community) as details:
        try:
            with transaction.atomic():
                party = Party.objects.create(community=community, **given)
        except IntegrityError as error:
            raise _exists() from error
        if pem:
            _use(party, pem, by)
        details |= {"object": party, "kind": kind, "key": party.key_id}
    return party


def change(party: Party, *, by: Person, **changes: object) -> Party:
    """Change what is written of a party, never its key; the raises are those of :func:`add`."""
    given = cleaned(**{name: getattr(party, name) for name in FIELDS} | changes)
    given.pop("public_key")
    with act(by, "party.change", on=party) as details:
        try:
            with transaction.atomic():
                Party.objects.filter(pk=party.pk).update(**given)
        except IntegrityError as error:
            raise _exists() from error
        details["changed"] = sorted(name for name in FIELDS if getattr(party, name) != given[name])
    party.refresh_from_db()
    return party


def change_key(party: Party, *, public_key: str, by: Actor, is_compromised: bool = False) -> Party:
    """Give a party another key; the old one stays published, unless it fell into other hands.

    In that case everything that it signed is in doubt: all grants of the party rest until a steward lets them go on.

    A code alone brings a first key and never another one: whoever finds a code must not be able to sign with it.
    Raises ``Invalid`` (``key-unreadable``), ``NotAllowed`` (``key-held``) and ``Conflict`` (``key-known``): a key is
    never taken twice.
    """
    if isinstance(by, Outsider) and (by.ref != party.ref or party.key_id):
        raise NotAllowed("key-held", _("There is a key already. Ring the community: its desk changes it with you."))
    pem = normal_pem(public_key)
    with act(by, "party.change-key", on=party) as details:
        now = timezone.now()
        old = party.key_id
        current = PartyKey.objects.filter(party=party, retired_at=None)
        current.update(retired_at=now, is_compromised=is_compromised)
        try:
            with transaction.atomic():
                _use(party, pem, by)
        except IntegrityError as error:
            raise Conflict("key-known", _("This party used this key before. Make a new one.")) from error
        if is_compromised and old:
            grants.suspend_all(party, by=BY_RULE, code=grants.KEY_LOST)
        details |= {"was": old, "key": party.key_id, "compromised": is_compromised}
    return party


def keys_of(party: Party) -> dict[str, str]:
    """Every key that may still be believed, key id -> PEM: the one in use and those before it."""
    return dict(party.keys.filter(is_compromised=False).values_list("key_id", "pem"))


def current_key(party: Party) -> dict[str, str]:
    """The key that signs today, key id -> PEM; empty for a party that has none."""
    return {party.key_id: party.public_key} if party.key_id else {}


def normal_pem(text: str) -> str:
    """Return an Ed25519 public key in its one PEM form; raises ``Invalid`` (``key-unreadable``)."""
    key = signing.load_public(text.strip() + "\n")
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def cleaned(**given: object) -> dict[str, object]:
    """Return what is written of a party in its kept form; raises ``Invalid`` with every reason, each at its field."""
    text = {name: str(given.get(name) or "").strip() for name in ("name", "kind", *_TEXTS)}
    text["place"] = text["place"].upper()
    users = [str(user).strip() for user in given.get("users") or [] if str(user).strip()]  # type: ignore[attr-defined]  # a list of names
    pem, reasons = _key_reasons(str(given.get("public_key") or ""))
    reasons = [*_text_reasons(text), *reasons]
    if len(users) > USERS:
        reasons.append(Reason("too-many-users", _("Name 50 people at most."), "users"))
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    return {**text, "users": users, "public_key": pem}


_TEXTS: Mapping[str, int] = {"contact": 255, "email": 254, "webhook_url": 500, "place": 64, "institution": 255}


def _text_reasons(text: Mapping[str, str]) -> list[Reason]:
    reasons = []
    if not text["name"]:
        reasons.append(Reason("name-missing", _("Give the organisation's name."), "name"))
    if text["kind"] not in Party.Kind.values:
        reasons.append(Reason("organisation-unknown", _("Say what kind of organisation it is."), "kind"))
    for name, longest in {"name": 120, **_TEXTS}.items():
        if len(text[name]) > longest:
            reasons.append(
                Reason("text-too-long", _("This may have {n} characters at most."), name, values={"n": longest})
            )
    if text["place"] and not PLACE.fullmatch(text["place"]):
        message = _("Write the place as a country code of two letters, for example NZ, or a part of one, NZ-AUK.")
        reasons.append(Reason("place-unknown", message, "place"))
    if text["email"] and not _passes(validate_email, text["email"]):
        reasons.append(Reason("email-wrong", _("This is not an e-mail address."), "email"))
    schemes = ["https"] if settings.PRODUCTION else ["https", "http"]
    if text["webhook_url"] and not _passes(URLValidator(schemes=schemes), text["webhook_url"]):
        message = _("The address for notices begins with https:// and names a machine.")
        reasons.append(Reason("webhook-wrong", message, "webhook_url"))
    return reasons


def _key_reasons(pem: str) -> tuple[str, list[Reason]]:
    """The key in its kept form, or why it cannot be kept."""
    if not pem.strip():
        return "", []
    try:
        return normal_pem(pem), []
    except Invalid as refusal:
        return "", [Reason(r.code, r.message, "public_key") for r in refusal.reasons]


def _passes(validator: object, value: str) -> bool:
    try:
        validator(value)  # type: ignore[operator]  # one of Django's
    except ValidationError:
        return False
    return True


def _use(party: Party, pem: str, by: Actor) -> None:
    """Make ``pem`` the key in use; raises IntegrityError when the party had it before."""
    key_id = signing.keyid_of(signing.load_public(pem))
    PartyKey.objects.create(party=party, key_id=key_id, pem=pem, added_by=by.ref)
    Party.objects.filter(pk=party.pk).update(public_key=pem, key_id=key_id)
    party.public_key, party.key_id = pem, key_id


def _exists() -> Conflict:
    return Conflict("party-exists", _("There is already a party of this name."))
