"""What somebody does to a case while another waits for its account, counts for whoever waited."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import scene
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Conflict
from hub.domain import cases
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, CaseState, NewCase
from hub.domain.timeline import Entry
from hub.flows.runtime import Hub

Act = Callable[[Session], object]


@pytest.fixture
def hub(hub: Hub) -> Hub:
    """With one case, which nobody has shared yet."""
    (acme,) = scene.accounts(hub.db, "Acme")
    with hub.db.write() as session:
        account = session.get_one(Account, acme.account)
        cases.open_case(session, HUB, account, NewCase(title="Down", case_type="incident"))
    return hub


def one(session: Session) -> Case:
    return session.scalars(select(Case)).one()


def given(hub: Hub, **values: Any) -> None:
    with hub.db.write() as session:
        session.execute(update(Case).values(**values))


def meanwhile(hub: Hub, first: Act, then: Act) -> None:
    """`then` has seen the case and comes to its account, where it waits until `first` is committed.

    On SQLite it begins only then, so it sees what `first` has done at once.
    """

    def act() -> None:
        with suppress(Conflict), hub.db.write() as session:
            then(session)

    thread = threading.Thread(target=act)
    with hub.db.write() as session:
        first(session)
        session.flush()
        thread.start()
        scene.wait_until_blocked(hub)
    thread.join()


def kinds(hub: Hub) -> list[str]:
    with hub.db.read() as session:
        return list(session.scalars(select(Entry.kind).order_by(Entry.seq)))[1:]


def test_a_case_that_is_shared_meanwhile_is_shared_once(hub: Hub) -> None:
    given(hub, share_at=clock.now() - timedelta(minutes=1))
    meanwhile(hub, lambda session: cases.share(session, HUB, one(session), "Your line"), cases.share_due)
    assert kinds(hub) == ["case.shared"]
    with hub.db.read() as session:
        assert one(session).customer_title == "Your line"


def test_a_case_that_is_reopened_meanwhile_is_not_closed(hub: Hub) -> None:
    given(hub, shared_at=clock.now(), customer_title="Your line")
    with hub.db.write() as session:
        cases.resolve(session, HUB, one(session), "Spliced.")

    def close(session: Session) -> None:
        with clock.shifted(timedelta(days=90)):
            cases.close_due(session)

    meanwhile(hub, lambda session: cases.reopen(session, HUB, one(session), "Still dark."), close)
    assert kinds(hub) == ["case.resolved", "case.reopened"]
    with hub.db.read() as session:
        assert one(session).state == CaseState.IN_PROGRESS


def test_a_case_that_is_resolved_meanwhile_is_resolved_once(hub: Hub) -> None:
    given(hub, shared_at=clock.now(), customer_title="Your line")
    meanwhile(
        hub,
        lambda session: cases.resolve(session, HUB, one(session), "Spliced."),
        lambda session: cases.resolve(session, HUB, one(session), "It only flapped."),
    )
    assert kinds(hub) == ["case.resolved"]
    with hub.db.read() as session:
        assert one(session).solution == "Spliced."
