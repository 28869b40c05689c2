"""One effect of a form, however often it is submitted."""

import uuid
from typing import NewType

from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain import timeline
from hub.domain.cases.tables import FormKey

BoundKey = NewType("BoundKey", str)
"""The key of a form for one verb on one object."""


def bound(verb: str, object_id: uuid.UUID, key: str | None) -> BoundKey | None:
    """A form's key for what the form does; None without one. Another verb or object has new words."""
    if not key:
        return None
    if len(key) > 100:
        raise Invalid(N_("This form is out of date. Please open it again."))
    return BoundKey(f"{verb}:{object_id}:{key}")


def seen(
    session: Session, account_id: uuid.UUID, person_id: uuid.UUID, key: BoundKey | None
) -> FormKey | None:
    """What this person's form of this key already did, if anything.

    Locks the account's log first, so that of two submits at the same instant the second one waits and sees
    the first one's result. A key is the sender's own: another person with the same key starts afresh.
    """
    if not key:
        return None
    timeline.lock(session, [account_id])
    return session.get(FormKey, (account_id, person_id, key))


def remember(
    session: Session,
    account_id: uuid.UUID,
    person_id: uuid.UUID,
    key: BoundKey | None,
    object_id: uuid.UUID,
    seq: int,
) -> None:
    """Keep what a form did, for `seen`."""
    if key:
        row = FormKey(account_id=account_id, person_id=person_id, key=key, object_id=object_id, seq=seq)
        row.created_at = clock.now()
        session.add(row)
