"""Accounts of a directory."""

from typing import Any

from sqlalchemy import select

from hub.base.errors import Invalid
from hub.base.text import N_, fold
from hub.domain import accounts, coverage
from hub.domain.accounts import Account
from hub.flows.directory.running import Run, changed_words
from hub.plugin.contracts import AccountRecord

KIND = "account"


def parents_first(records: tuple[AccountRecord, ...]) -> list[AccountRecord]:
    """Accounts in an order in which a parent comes before its children; those of a circle come last."""
    waiting, ordered = list(records), list[AccountRecord]()
    ids = {record.external_id for record in records}
    while waiting:
        ready = [each for each in waiting if each.parent_id not in ids]
        if not ready:
            return [*ordered, *waiting]
        ordered += ready
        ids -= {each.external_id for each in ready}
        waiting = [each for each in waiting if each.external_id in ids]
    return ordered


def take(run: Run, record: AccountRecord, before: Any, now: Any) -> None:
    """Add, change or close one account."""
    account = run.session.scalar(select(Account).where(Account.external_key == record.external_id))
    if account is None:
        if record.active:
            _add(run, record)
        return
    _change(run, record, account, before, now)
    if not record.active and account.closed_at is None:
        accounts.close_account(run.session, run.actor, account)
        run.say("closed", KIND, record.external_id, f"{account.name} was closed.")


def _add(run: Run, record: AccountRecord) -> None:
    account = accounts.add_account(
        run.session,
        run.actor,
        record.name,
        prefix=record.prefix or _prefix(record.name),
        language=record.language or "en",
        zone=record.time_zone or "UTC",
        parent=run.account(record.parent_id) if record.parent_id else None,
        external_key=record.external_id,
    )
    run.say("added", KIND, record.external_id, f"{account.name} with the prefix {account.prefix} was added.")


def _change(run: Run, record: AccountRecord, account: Account, before: Any, now: Any) -> None:
    parent = run.session.get(Account, account.parent_id) if account.parent_id else None
    here = {
        "name": account.name,
        "prefix": account.prefix,
        "time_zone": account.zone,
        "language": account.language,
        "parent_id": (parent.external_key or str(parent.id)) if parent else "",
    }
    said = {**now, "prefix": record.prefix.upper()}
    change = run.weigh(
        KIND, record.external_id, before and {**before, "prefix": before["prefix"].upper()}, here, said
    )
    if not change:
        return
    if "parent_id" in change:
        coverage.move_account(run.session, run.actor, account, run.account(change["parent_id"]))
    columns = {"time_zone": "zone"}
    wanted = {columns.get(name, name): value for name, value in change.items() if name != "parent_id"}
    if wanted:
        accounts.change_account(run.session, run.actor, account, **wanted)
    run.say("changed", KIND, record.external_id, f"{account.name}: {changed_words(change)}.")


def _prefix(name: str) -> str:
    """A prefix for case numbers made of a name, for sources that have none."""
    letters = "".join(c for c in fold(name).upper() if c.isascii() and c.isalnum()).lstrip("0123456789")
    if len(letters) < 2:
        raise Invalid.field("prefix", N_("No prefix can be made of this name; fill in the column prefix."))
    return letters[:6]
