"""Signing in with a password of the hub's own: the issuer "local"."""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Conflict, Invalid
from hub.base.text import N_
from hub.domain import audit
from hub.domain.audit import Actor
from hub.domain.people.tables import Identity, Person, PersonKind

LOCAL = "local"
SHORTEST, LONGEST = 10, 256

# OWASP's password storage recommendation: 19 MiB keep many sign-ins at once from eating the memory.
_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher.hash("no password opens this")


def hash_of(password: str) -> str:
    """What is kept of a password. It takes as long as `check_password`: call it before any lock is held."""
    return _hasher.hash(password)


def set_password(
    session: Session, actor: Actor, person: Person, login: str, password: str, *, hashed: str = ""
) -> None:
    """Let a human sign in as `login`; a login or password they had stops working.

    Sessions opened before end with it (see `sessions.find_session`). `hashed` is the `hash_of` the password,
    where it was made before the transaction.
    """
    subject = _subject(login)
    _check_rules(person, subject, password)
    taken = session.get(Identity, (LOCAL, subject))
    if taken is not None and taken.person_id != person.id:
        raise Conflict(N_("This sign-in name belongs to somebody else."))
    mine = select(Identity).where(Identity.issuer == LOCAL, Identity.person_id == person.id)
    for identity in session.scalars(mine):
        if identity.subject != subject:
            session.delete(identity)
    now = clock.now()
    if taken is None:
        taken = Identity(issuer=LOCAL, subject=subject, person_id=person.id, created_at=now)
        session.add(taken)
    taken.password_hash = hashed or hash_of(password)
    taken.password_changed_at = now
    session.flush()  # a check in this transaction must meet the new password
    sentence = f"{person.name} signs in as {subject} with a new password."
    audit.write(session, actor, "password.set", "person", person.id, sentence)


def check_password(session: Session, login: str, password: str) -> Person | None:
    """Whose login and password these are, or None. Writes nothing.

    It takes about 20 ms and as long for an unknown login, so that time tells nothing: call it in a
    transaction that holds no lock.
    """
    query = (
        select(Identity.password_hash, Person)
        .join(Person, Person.id == Identity.person_id)
        .where(Identity.issuer == LOCAL, Identity.subject == _subject(login))
    )
    row = session.execute(query).first()
    known = row.password_hash if row is not None else None
    matches = _matches(known or _nobodys_hash(), password)
    if row is None or known is None or not matches:
        return None
    person: Person = row.Person
    return person if person.disabled_at is None else None


def find_by_login(session: Session, login: str) -> Person | None:
    """Who signs in here with this name, whatever the case of its letters."""
    query = select(Person).join(Identity, Identity.person_id == Person.id)
    return session.scalar(query.where(Identity.issuer == LOCAL, Identity.subject == _subject(login)))


def _matches(known: str, password: str) -> bool:
    try:
        return _hasher.verify(known, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False


def _subject(login: str) -> str:
    return login.strip().casefold()


def _check_rules(person: Person, subject: str, password: str) -> None:
    if person.kind != PersonKind.HUMAN:
        raise Invalid.field("login", N_("A function cannot sign in."))
    if not 1 <= len(subject) <= 200 or any(c.isspace() for c in subject):
        raise Invalid.field("login", N_("A sign-in name has 1 to 200 characters and no blanks."))
    # NIST SP 800-63B: length matters, composition rules do not.
    if not SHORTEST <= len(password) <= LONGEST:
        message = N_("A password has %(shortest)d to %(longest)d characters.")
        raise Invalid.field("password", message, shortest=SHORTEST, longest=LONGEST)
    if password.strip().casefold() == subject:
        raise Invalid.field("password", N_("The password must differ from the sign-in name."))


def login_of(session: Session, person: Person) -> str | None:
    """The name with which a person signs in here."""
    query = select(Identity.subject).where(Identity.issuer == LOCAL, Identity.person_id == person.id)
    return session.scalars(query).first()
