"""People at the door: signing in, changing one's own things, and coming back after a forgotten password.

There may be no e-mail. A forgotten password is therefore mended by a code that a keeper prints or reads out. A keeper alone must
not be able to take over the account of somebody with duties, so for a role above contributor a second person with duties agrees
first: another keeper, or where there is none a steward, authority or representative. Where there is nobody, the code works
only after three days, in which the person sees it wherever they are signed in and can stop it. And nobody's account is
opened by the keepers of one community while it carries duties in another.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from governance.acts import act, record
from governance.codes import hash_code, new_code
from governance.kernel.errors import Conflict, Gone, Invalid, Missing, NotAllowed, Reason, Unavailable
from governance.kernel.words import _
from governance.models import Community, Membership, Person, RecoveryCode, SignInAttempt
from governance.roles import Outsider

WINDOW = timedelta(minutes=15)
"""How long a failed attempt counts."""

FIRST_WAIT, LONGEST_WAIT = 30, 900
"""Seconds to wait after one failure too many; it doubles with each further one, up to the longest."""

RECOVERY_LIVES = timedelta(days=2)

RECOVERY_WAITS = timedelta(days=3)
"""How long a code for somebody with duties waits where nobody can be the second."""

SECONDS = (Membership.Role.STEWARD, Membership.Role.AUTHORITY, Membership.Role.REPRESENTATIVE)
"""Who may be the second where there is no other keeper."""

BETWEEN = frozenset("._-")
"""Signs that may stand between the letters and digits of a username."""


@dataclass(frozen=True)
class Limit:
    """How many failures within the window are free, for one kind of key."""

    kind: str
    free: int


# One person at one address errs now and then; one account from many places is guessed at; one address may be a whole village.
LIMITS = (Limit("pair", 5), Limit("account", 20), Limit("address", 60))


def normal_username(username: str) -> str:
    """Return a username as it is kept: NFKC, lower case, without spaces around it."""
    return unicodedata.normalize("NFKC", username).strip().lower()


def sign_in(username: str, password: str, *, address: str, now: datetime | None = None) -> Person:
    """Return the person whose name and password these are.

    The attempt is written before the password is looked at and taken back when it was right, so that many at once are counted
    too. Raises ``Unavailable`` (``too-many-attempts``, with the seconds to wait) and ``NotAllowed`` (``wrong-credentials``), which
    does not say which of the two was wrong.
    """
    now = now or timezone.now()
    name = normal_username(username)
    keys = _keys(name, address)
    seconds = wait_seconds(keys, now)
    if seconds:
        raise Unavailable(
            "too-many-attempts",
            _(
                "There were too many wrong tries. Please wait {wait}, then try again. A keeper can give you a code meanwhile."
            ),
            retry_after=seconds,
            wait=_said(seconds),
        )
    written = SignInAttempt.objects.bulk_create([SignInAttempt(key=key, at=now) for key in keys])
    person = Person.objects.filter(username=name).first()
    if person is None:
        make_password(password)  # as long as a real look would take, so that time tells nothing
    elif person.check_password(password) and person.is_active:
        SignInAttempt.objects.filter(key__in=keys[:2]).delete()
        SignInAttempt.objects.filter(pk__in=[row.pk for row in written]).delete()
        return person
    SignInAttempt.objects.filter(at__lt=now - WINDOW).delete()
    raise NotAllowed(
        "wrong-credentials",
        _("Name and password do not fit together. Look at both once more; capital letters in the password count."),
    )


def wait_seconds(keys: Sequence[str], now: datetime) -> int:
    """Return how long to wait before the next attempt counts; 0 when there is nothing to wait for."""
    return max(_wait_for(key, limit.free, now) for key, limit in zip(keys, LIMITS, strict=True))


def _wait_for(key: str, free: int, now: datetime) -> int:
    failed = SignInAttempt.objects.filter(key=key, at__gt=now - WINDOW).order_by("-at")
    times = list(failed.values_list("at", flat=True)[: free + 8])
    if len(times) < free:
        return 0
    wait = min(FIRST_WAIT * 2 ** (len(times) - free), LONGEST_WAIT)
    return max(0, wait - int((now - times[0]).total_seconds()))


def _keys(name: str, address: str) -> list[str]:
    """The keys of an attempt, in the order of ``LIMITS``: neither name nor address is kept in clear."""
    values = {"pair": f"{name}\0{address}", "account": name, "address": address}
    return [salted_hmac(f"wellhouse.signin.{limit.kind}", values[limit.kind]).hexdigest() for limit in LIMITS]


def _said(seconds: int) -> str:
    return f"{seconds} s" if seconds < 60 else f"{-(-seconds // 60)} min"


def new_person(*, username: str, display_name: str, password: str, language: str = "") -> Person:
    """Create an account; raises ``Invalid`` with every reason. Who may have one is the caller's matter."""
    name = normal_username(username)
    person = Person(username=name, display_name=display_name.strip(), language=language)
    reasons = [*_username_reasons(name), *password_reasons(password, person)]
    if not person.display_name:
        reasons.append(
            Reason("display-name-missing", _("How shall we call you? Any script is fine."), path="display_name")
        )
    if reasons:
        raise Invalid("account-invalid", reasons=reasons)
    person.set_password(password)
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as taken:
        reason = Reason(
            "username-taken", _("Somebody here is called so already. Please take another name."), path="username"
        )
        raise Invalid("account-invalid", reasons=[reason]) from taken
    return person


def _username_reasons(name: str) -> list[Reason]:
    """Letters, marks and digits of any script; a plus sign in front, as in a telephone number."""
    body = name.removeprefix("+")
    ends = bool(body) and all(unicodedata.category(sign)[0] in "LMN" for sign in (body[0], body[-1]))
    if (
        ends
        and 2 <= len(name) <= 64
        and all(sign in BETWEEN or unicodedata.category(sign)[0] in "LMN" for sign in body)
    ):
        return []
    said = _("Use 2 to 64 letters or digits, with dots or hyphens between them, for example ilse.m")
    return [Reason("username-invalid", said, path="username")]


def password_reasons(password: str, person: Person, path: str = "password") -> list[Reason]:
    """Return what is wrong with a new password, in sentences; empty when it is good."""
    try:
        validate_password(password, person)
    except ValidationError as error:
        return [Reason("password-weak", message, path=path) for message in error.messages]
    return []


def change(person: Person, *, by: Person, display_name: str, language: str = "") -> Person:
    """Change what a person is called and in which language they read; only they themselves may."""
    _only_self(person, by)
    if not display_name.strip():
        reason = Reason("display-name-missing", _("How shall we call you? Any script is fine."), path="display_name")
        raise Invalid("account-invalid", reasons=[reason])
    with transaction.atomic():
        person.display_name, person.language = display_name.strip(), language
        person.save(update_fields=["display_name", "language"])
        record(by, "person.change", person, {"changed": ["display_name", "language"]})
    return person


def change_password(person: Person, *, by: Person, old: str, new: str) -> Person:
    """Set a new password; every other session of the person ends with the old one."""
    _only_self(person, by)
    reasons = password_reasons(new, person, path="new")
    if not person.check_password(old):
        reasons.insert(0, Reason("password-wrong", _("This is not the password that you have now."), path="old"))
    if reasons:
        raise Invalid("password-not-changed", reasons=reasons)
    with transaction.atomic():
        person.set_password(new)
        person.save(update_fields=["password"])
        record(by, "person.change", person, {"changed": ["password"]})
    return person


def _only_self(person: Person, by: Person) -> None:
    if person.pk != by.pk:
        raise NotAllowed("not-yours", _("Only the person themselves may change this."))


def has_duties(person: Person, community: Community | None = None, *, elsewhere: bool = False) -> bool:
    """Say whether ``person`` has a role above contributor: anywhere, in ``community``, or anywhere but there."""
    held = Membership.objects.current().filter(person=person).exclude(role=Membership.Role.CONTRIBUTOR)
    if community is not None:
        held = held.exclude(community=community) if elsewhere else held.filter(community=community)
    return held.exists()


def issue_recovery(
    person: Person, *, community: Community, by: Person, now: datetime | None = None
) -> tuple[RecoveryCode, str]:
    """Make a code with which ``person`` sets a new password once, within two days; returns it beside its row, never again.

    Raises ``Conflict`` when the person has duties in another community, whose keepers must then do it.
    """
    now = now or timezone.now()
    code = new_code()
    with act(by, "recovery.issue", on=community) as details:
        if not Membership.objects.current(now).filter(person=person, community=community).exists():
            raise Missing("not-found", _("There is nothing here that you can see."))
        if has_duties(person, community, elsewhere=True):
            raise _elsewhere()
        RecoveryCode.objects.filter(person=person, used_at=None, expires_at__gt=now).update(expires_at=now)
        needs_second, works_from = _guard(community, person, by, now)
        row = RecoveryCode.objects.create(
            person=person,
            community=community,
            code_hash=hash_code(code),
            issued_by=by,
            needs_second=needs_second,
            works_from=works_from,
            created_at=now,
            expires_at=(works_from or now) + RECOVERY_LIVES,
        )
        details |= {"object": row, "needs_second": needs_second, "waits": works_from is not None}
    return row, code


def _elsewhere() -> Conflict:
    return Conflict(
        "recovery-elsewhere",
        _("This account carries duties elsewhere too, so the keepers here alone cannot open it. Invite them anew."),
    )


def _require_unopened_duties(row: RecoveryCode) -> None:
    """Ask again what was asked when the code was made: duties may have come since, and they need a second keeper too."""
    if has_duties(row.person, row.community, elsewhere=True):
        raise _elsewhere()
    if not row.needs_second and row.works_from is None and has_duties(row.person, row.community):
        row.needs_second, row.works_from = _guard(row.community, row.person, row.issued_by, row.created_at)
        row.expires_at = (row.works_from or row.created_at) + RECOVERY_LIVES
        row.save(update_fields=["needs_second", "works_from", "expires_at"])


def _guard(community: Community, person: Person, issued_by: Person, now: datetime) -> tuple[bool, datetime | None]:
    """What must happen before a code works: whether a second person agrees, or else from when it works by itself."""
    if not has_duties(person, community):
        return False, None
    if seconds_for(community, issued_by, person):
        return True, None
    return False, now + RECOVERY_WAITS


def seconds_for(community: Community, *without: Person) -> list[Person]:
    """Who may be the second beside ``without``: the other keepers; where there is none, others with duties."""
    held = Membership.objects.current().filter(community=community, person__is_active=True)
    others = held.exclude(person__in=without)
    keepers = others.filter(role=Membership.Role.KEEPER)
    chosen = keepers if keepers.exists() else others.filter(role__in=SECONDS)
    return list(Person.objects.filter(pk__in=chosen.values("person")).order_by("pk"))


def second_recovery(recovery: RecoveryCode, *, by: Person) -> RecoveryCode:
    """Agree, as the second, that a recovery code shall work."""
    with act(by, "recovery.second", on=recovery):
        if by.pk not in {one.pk for one in seconds_for(recovery.community, recovery.issued_by, recovery.person)}:
            raise NotAllowed(
                "second-keeper", _("A second keeper must agree: neither the one who asked nor the one it is for.")
            )
        RecoveryCode.objects.filter(pk=recovery.pk, seconded_by=None).update(seconded_by=by)
    recovery.refresh_from_db()
    return recovery


def stop_recovery(recovery: RecoveryCode, *, by: Person, now: datetime | None = None) -> RecoveryCode:
    """Make a code worthless before it is used: the person it is for says that they did not ask, or a keeper does."""
    now = now or timezone.now()
    with act(by, "recovery.stop", on=recovery):
        is_keeper = Membership.objects.current(now).filter(
            community=recovery.community, person=by, role=Membership.Role.KEEPER
        )
        if by.pk != recovery.person_id and not is_keeper.exists():
            raise NotAllowed("not-yours", _("Only the person themselves may change this."))
        if not RecoveryCode.objects.filter(pk=recovery.pk, used_at=None, expires_at__gt=now).update(expires_at=now):
            raise Conflict("moved-on", _("This code was used or ended already."))
    recovery.refresh_from_db()
    return recovery


def recoveries_for(person: Person, now: datetime | None = None) -> list[RecoveryCode]:
    """The codes with which somebody could set ``person``'s password, so that they can say that they did not ask."""
    live = RecoveryCode.objects.filter(person=person, used_at=None, expires_at__gt=now or timezone.now())
    return list(live.select_related("community", "issued_by").order_by("pk"))


def use_recovery(code: str, *, password: str, now: datetime | None = None) -> Person:
    """Set a new password with a keeper's code; all sessions end. A wrong, used or late code is one and the same refusal."""
    now = now or timezone.now()
    row = (
        RecoveryCode.objects.filter(code_hash=hash_code(code), used_at=None, expires_at__gt=now)
        .select_related("person", "community", "issued_by")
        .first()
    )
    if row is None:
        raise Gone(
            "code-unknown",
            _("This code does not work: it is mistyped, used, or too old. A keeper can give you a new one."),
        )
    _require_unopened_duties(row)
    if row.needs_second and row.seconded_by_id is None:
        raise Conflict("second-keeper", _("A second keeper has to agree first. Ask them; then the same code works."))
    if row.works_from is not None and now < row.works_from:
        raise Conflict(
            "recovery-waits",
            _("This code works from {when} on. Until then the person whose account it opens can stop it."),
            when=f"{row.works_from:%Y-%m-%d %H:%M} UTC",
        )
    if row.expires_at <= now:
        raise Gone(
            "code-unknown",
            _("This code does not work: it is mistyped, used, or too old. A keeper can give you a new one."),
        )
    reasons = password_reasons(password, row.person)
    if reasons:
        raise Invalid("password-not-changed", reasons=reasons)
    with act(Outsider(f"recovery:{row.public_id}"), "recovery.use", on=row):
        if not RecoveryCode.objects.filter(pk=row.pk, used_at=None).update(used_at=now):
            raise Gone("code-unknown", _("This code was used a moment ago."))
        row.person.set_password(password)
        row.person.save(update_fields=["password"])
        SignInAttempt.objects.filter(key=_keys(row.person.username, "")[1]).delete()
    return row.person
