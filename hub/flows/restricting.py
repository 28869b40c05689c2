"""Accounts that only their own contacts and leads see: none is made or becomes one without such a contact."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from hub.base.errors import Invalid
from hub.base.text import N_
from hub.domain import access, accounts, coverage
from hub.domain.access import Viewer
from hub.domain.accounts import Account
from hub.domain.audit import Actor
from hub.domain.coverage import AssignmentRole, Reach

_CHOOSE = N_("Only its own contacts and leads see a restricted account: please choose its contact.")
_ASSIGN_FIRST = N_("Only its own contacts and leads see a restricted account. Assign its contact first.")


def add_account(
    session: Session, actor: Actor, name: str, *, contact: uuid.UUID | None, reach: Reach, **values: Any
) -> Account:
    """A new account (`values` as in `accounts.add_account`), with its named contact if one was chosen.

    `Invalid` for a restricted one without: nobody who works on accounts could see it.
    """
    account = accounts.add_account(session, actor, name, **values)
    if contact is not None:
        coverage.assign(
            session,
            actor,
            account.id,
            AssignmentRole.NAMED,
            contact,
            reach_name=reach.name,
            reach_phone=reach.phone,
            reach_email=reach.email,
        )
    if account.restricted and not coverage.has_contact(session, account.id):
        raise Invalid.field("contact", _CHOOSE)
    return account


def change_account(session: Session, actor: Actor, account: Account, **wanted: Any) -> None:
    """Change an account as `accounts.change_account` does; restricted is only one that has a contact."""
    becomes = wanted.get("restricted") and not account.restricted
    if becomes and not coverage.has_contact(session, account.id):
        raise Invalid.field("restricted", _ASSIGN_FIRST)
    accounts.change_account(session, actor, account, **wanted)


def still_sees(session: Session, viewer: Viewer, account: Account) -> bool:
    """Whether the account is still there for one of us after what this transaction changed."""
    return account.id not in access.viewer_of(session, viewer.person_id).hidden
