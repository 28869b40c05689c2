"""The order of locks is everybody's: what two transactions both want, both take in the same order."""

import uuid

import scene

from hub.domain import signals, timeline
from hub.flows.alarm import ground
from hub.flows.runtime import Hub
from hub.testing.fixtures import counting

MANY = 12


def accounts(hub: Hub) -> list[uuid.UUID]:
    """Accounts in descending order, each with a circuit of its own (`C` and its number)."""
    with hub.db.write() as session:
        made = [scene.account(session, f"A{n}", f"C{n}").account for n in range(MANY)]
    return sorted(made, reverse=True)


def test_the_signals_of_a_body_are_stored_in_the_order_of_their_keys() -> None:
    """The order of locks: two bodies with the same signals never wait for each other."""
    body = [scene.event(key=key, start=start) for key in "cab" for start in (2, 1)]
    keys = [(event.natural_key, event.episode_start) for event in signals.latest(body)]
    assert keys == sorted(keys)
    assert len(keys) == len(body)
    backwards = [(event.natural_key, event.episode_start) for event in signals.latest(body[::-1])]
    assert backwards == keys


def test_the_accounts_of_entries_are_locked_in_ascending_order(hub: Hub) -> None:
    wanted = accounts(hub)
    with counting(hub.db) as statements, hub.db.write() as session:
        locked = list(timeline.lock(session, wanted))
    assert locked == sorted(wanted)
    # A small table is read in this order by chance; the statement has to ask for it.
    assert "ORDER BY account_heads.account_id" in statements.statements[0]


def test_the_accounts_that_events_strike_are_locked_in_ascending_order(hub: Hub) -> None:
    wanted = accounts(hub)
    events = [scene.event(key=f"k{n}", identifiers=(("circuit", f"C{n}"),)) for n in reversed(range(MANY))]
    with hub.db.write() as session:
        source = scene.connection(session)
        struck = ground.take(session, source, events[: MANY // 2], wanted[MANY // 2 :])
    assert list(struck.heads) == sorted(wanted)
