"""One import: what the source said before, what was done, and each record by itself, so that a wrong one
takes nothing else along."""

import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import rows
from hub.base.errors import HubError, Invalid, in_english
from hub.base.text import N_
from hub.domain import directory, timeline
from hub.domain.accounts import Account
from hub.domain.audit import Actor

What = Literal["added", "changed", "kept", "closed", "failed"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that an import did, would do or could not do. `where`: a line of a file, or a record's id."""

    what: What
    where: str
    sentence: str


class Sourced(Protocol):
    """What every record has."""

    @property
    def external_id(self) -> str:
        """The source's own id."""


Record = TypeVar("Record", bound=Sourced)


@dataclass(slots=True)
class Run:
    """An import under way, inside the caller's transaction."""

    session: Session
    actor: Actor
    connection_id: uuid.UUID
    before: dict[tuple[str, str], dict[str, Any]]
    lines: list[Line] = field(default_factory=list)
    unchanged: int = 0

    def is_news(self, kind: str, record: Sourced) -> bool:
        """Whether the source says something of it that it did not say before."""
        return bool(orjson.loads(orjson.dumps(record)) != self.before.get((kind, record.external_id)))

    def lock(self, external_ids: Collection[str]) -> None:
        """Take the accounts that will change, in the order in which everybody takes them. Records come in the
        order of their source, in which this import and a webhook about two accounts could wait crosswise.
        """
        if external_ids:
            keys = rows.encode(external_ids)
            known = select(Account.id).where(rows.among(Account.__table__.c.external_key, "keys"))
            timeline.lock(self.session, list(self.session.scalars(known, {"keys": keys})))

    def each(
        self, kind: str, records: Iterable[Record], carry_out: Callable[["Run", Record, Any, Any], None]
    ) -> None:
        """Carry out the records of which the source says something new; the others cost nothing."""
        for record in records:
            now = orjson.loads(orjson.dumps(record))
            before = self.before.get((kind, record.external_id))
            if now == before:
                self.unchanged += 1
            elif self.safely(kind, record.external_id, lambda: carry_out(self, record, before, now)):  # noqa: B023
                directory.remember(self.session, self.connection_id, kind, record.external_id, now)

    def safely(self, kind: str, external_id: str, carry_out: Callable[[], None]) -> bool:
        """Carry out one step; undo it whole and say why where it cannot be done."""
        said = len(self.lines)
        try:
            with self.session.begin_nested():
                carry_out()
        except HubError as error:
            del self.lines[said:]
            self.say("failed", kind, external_id, _reason(error))
            return False
        return True

    def say(self, what: What, kind: str, external_id: str, sentence: str) -> None:
        """Add a line to the report."""
        self.lines.append(Line(what, f"{kind} {external_id}", sentence))

    def weigh(
        self,
        kind: str,
        external_id: str,
        before: directory.Values | None,
        here: directory.Values,
        now: directory.Values,
    ) -> dict[str, Any]:
        """The fields that the source may change; those that are the hub's by now are told."""
        verdict = directory.weigh(before, here, {name: now[name] for name in here})
        if verdict.kept:
            kept = ", ".join(name.replace("_", " ") for name in verdict.kept)
            self.say("kept", kind, external_id, f"Changed in the hub and therefore kept: {kept}.")
        return verdict.change

    def account(self, external_id: str) -> Account:
        """The account of an id; `Invalid` where the hub has none."""
        account = self.session.scalar(select(Account).where(Account.external_key == external_id))
        if account is None:
            message = N_("The account %(account)s is not in the hub; look at its own line first.")
            raise Invalid(message, account=external_id)
        return account


def require_same_account(before: Any, now: Any) -> None:
    """`Invalid` for a record that moved to another account: what happened stays with the old one."""
    if before is not None and before["account_id"] != now["account_id"]:
        raise Invalid(
            N_(
                "It belonged to the account %(account)s. Close it there (active: no), "
                "and give it a new id here."
            ),
            account=before["account_id"],
        )


def differences(before: Any, now: Any, name: str) -> tuple[list[Any], list[Any]]:
    """What a list of the source gained and lost since the last import."""
    old = [] if before is None else before[name]
    return [item for item in now[name] if item not in old], [item for item in old if item not in now[name]]


def changed_words(change: dict[str, Any]) -> str:
    """Changes as people read them: `name “Acme GmbH”, time zone “Europe/Berlin”`."""
    return ", ".join(
        f"{name.replace('_', ' ')} \u201c{_shown(value)}\u201d" for name, value in change.items()
    )


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _reason(error: HubError) -> str:
    fields = error.told_fields(in_english) if isinstance(error, Invalid) else {}
    known = [f"{name}: {text}" for name, text in fields.items() if text != str(error)]
    names = [name for name, text in fields.items() if text == str(error)]
    return "; ".join(known) or (f"{names[0]}: {error}" if names else str(error))
