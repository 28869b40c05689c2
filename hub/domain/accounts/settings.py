"""Values of the hub itself that are kept with the data."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from hub.domain import audit
from hub.domain.accounts.tables import Setting
from hub.domain.audit import Actor


def setting(session: Session, key: str) -> dict[str, Any] | None:
    """The value of a key; None where it was never set."""
    row = session.get(Setting, key)
    return None if row is None else row.value


def put_setting(
    session: Session, actor: Actor, key: str, value: Mapping[str, Any], sentence: str = ""
) -> None:
    """Set the value of a key: plain JSON, never a secret. `sentence` tells it in the audit log."""
    row = session.get(Setting, key)
    before = None if row is None else row.value
    if before == dict(value):
        return
    if row is None:
        session.add(Setting(key=key, value=dict(value)))
    else:
        row.value = dict(value)
    session.flush()  # read again in this transaction, by Core statements too
    changed = {"from": before, "to": dict(value)}
    told = sentence or f"The setting {key} was changed."
    audit.write(session, actor, "setting.changed", "setting", None, told, key=key, **changed)


def note_setting(session: Session, key: str, value: Mapping[str, Any]) -> None:
    """Set the value of a key that the hub observes and nobody decided: no audit line tells it.

    One statement, so that several processes may note the same key at the same moment.
    """
    insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(Setting)
    noted = insert.values(key=key, value=dict(value))
    session.execute(noted.on_conflict_do_update(index_elements=["key"], set_={"value": noted.excluded.value}))
