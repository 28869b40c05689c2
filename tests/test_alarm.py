"""Signals become alerts and cases: one of each, whatever order, however often, for every account alone."""

import threading
from collections import Counter
from typing import Any

import pytest
import scene
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from hub.base import clock, ids
from hub.base.db import Database
from hub.domain import timeline
from hub.domain.alerts import Alert
from hub.domain.audit import AuditLine
from hub.domain.cases import Case
from hub.domain.outbox import Delivery
from hub.domain.signals import Signal
from hub.domain.teams import Team
from hub.domain.workorders import WorkOrder
from hub.flows import alarm
from hub.flows.quiet import resolve_quiet
from hub.flows.runtime import Hub
from hub.testing.fixtures import counting


@pytest.fixture
def sound(hub: Hub) -> scene.Sounder:
    with hub.db.write() as session:
        return scene.Sounder(hub.db, alarm.Source(scene.connection(session), "Alertmanager"))


def test_a_fault_opens_a_case_and_has_the_responsible_told(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme")
    assert sound(scene.event()) == 1
    (case,) = sound.all(Case)
    assert (case.number, case.state, case.priority, case.shared_at) == (
        "ACME-10001",
        "registered",
        "critical",
        None,
    )
    assert case.title == "Acme line: Link down"
    assert sound.kinds(acme) == ["alert.raised", "case.opened"]
    (told,) = sound.all(Delivery)
    assert told.kind == "tell"
    assert told.body["audience"] == "responsible"
    assert told.body["case_id"] == str(case.id)


def test_the_same_body_ten_times_does_nothing_more(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme")
    assert [sound(scene.event()) for _ in range(10)] == [1] + [0] * 9
    assert [len(sound.all(table)) for table in (Signal, Alert, Case, Delivery)] == [1, 1, 1, 1]
    assert sound.all(Signal)[0].repeats == 9


def test_the_same_body_from_many_threads_at_once(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme", "Bolt")
    changed: list[int] = []
    start = threading.Barrier(6)

    def send() -> None:
        start.wait()
        changed.append(sound(scene.event()))

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(changed) == [0, 0, 0, 0, 0, 1]
    assert [len(sound.all(table)) for table in (Signal, Alert, Case)] == [1, 2, 2]


def test_an_identifier_of_three_accounts_makes_three_cases_unaware_of_each_other(
    sound: scene.Sounder,
) -> None:
    places = scene.accounts(sound.db, "Acme", "Bolt", "Cargo")
    sound(scene.event())
    cases = sound.all(Case)
    assert {case.account_id for case in cases} == {place.account for place in places}
    for place in places:
        assert sound.kinds(place) == ["alert.raised", "case.opened"]
    names = dict(zip((place.account for place in places), ("Acme", "Bolt", "Cargo"), strict=True))
    for entry in sound.all(timeline.Entry):
        told = entry.sentence + str(entry.data)
        foreign = [name for account, name in names.items() if account != entry.account_id]
        assert not [name for name in foreign if name in told]


def test_clear_resolves_and_closes_what_was_never_shared(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme")
    sound(scene.event())
    sound(scene.event("clear", minute=5))
    (case,) = sound.all(Case)
    assert case.state == "closed"
    assert case.closed_at is not None
    assert sound.kinds(acme)[-2:] == ["alert.cleared", "case.resolved"]


def test_a_shared_case_asks_the_customer_and_a_new_fault_reopens_it(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme", share_severity="critical", share_after_minutes=0)
    sound(scene.event())
    (case,) = sound.all(Case)
    assert case.shared_at is not None
    assert case.customer_title == "A fault on Acme line"
    sound(scene.event("clear", minute=5))
    assert [(c.state, c.closed_at) for c in sound.all(Case)] == [("resolved", None)]
    audiences = [d.body["audience"] for d in sound.all(Delivery)]
    assert Counter(audiences) == {"responsible": 1, "customers": 2}
    sound(scene.event(minute=9, start=9))
    (case,) = sound.all(Case)
    assert (case.state, case.reopened, case.resolved_at) == ("in_progress", 1, None)
    assert sound.kinds(acme)[-2:] == ["case.reopened", "alert.raised"]


def test_a_policy_with_minutes_shares_later(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme", share_severity="major", share_after_minutes=10)
    sound(scene.event())
    (case,) = sound.all(Case)
    assert case.shared_at is None
    assert (case.share_at - case.opened_at).total_seconds() == 600


def test_below_the_threshold_there_is_an_alert_and_no_case(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme", alert_threshold="major")
    sound(scene.event(severity="warning"))
    assert sound.all(Case) == []
    assert sound.kinds(acme) == ["alert.raised"]
    sound(scene.event(severity="critical", minute=1))
    (case,) = sound.all(Case)
    (alert,) = sound.all(Alert)
    assert (alert.case_id, alert.severity) == (case.id, "critical")


def test_an_unknown_severity_counts_as_major(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme", alert_threshold="major")
    sound(scene.event(severity="unknown", severity_text="apocalyptic"))
    assert len(sound.all(Case)) == 1


def test_resolved_before_firing_is_kept_and_opens_nothing(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme")
    sound(scene.event("clear", minute=5))
    assert sound(scene.event("firing", minute=0)) == 1
    assert sound(scene.event("firing", minute=0)) == 0
    assert sound.all(Case) == []
    assert [(s.state, s.stale) for s in sound.all(Signal)] == [("clear", True)]
    assert sound.kinds(acme) == ["alert.stale"]


def test_an_end_at_the_very_instant_of_its_beginning_ends_it(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme")
    sound(scene.event("firing"))
    assert sound(scene.event("clear")) == 1
    assert [signal.state for signal in sound.all(Signal)] == ["clear"]
    assert [case.state for case in sound.all(Case)] == ["closed"]
    sound(scene.event("firing"))
    assert [signal.state for signal in sound.all(Signal)] == ["clear"]
    assert [case.state for case in sound.all(Case)] == ["closed"]


def test_an_older_episode_after_a_newer_one_is_recorded_and_not_applied(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme")
    sound(scene.event(start=10, minute=10))
    sound(scene.event("clear", start=10, minute=12))
    sound(scene.event(start=2, minute=2))
    assert [case.state for case in sound.all(Case)] == ["closed"]
    assert sound.kinds(acme)[-1] == "alert.stale"


def test_a_new_episode_ends_the_one_whose_end_was_never_reported(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme")
    sound(scene.event())
    sound(scene.event(start=30, minute=30))
    assert len(sound.all(Case)) == 1
    assert sorted(s.state for s in sound.all(Signal)) == ["clear", "firing"]
    sound(scene.event("clear", start=30, minute=40))
    assert [case.state for case in sound.all(Case)] == ["closed"]


def test_a_second_alert_joins_the_case_and_the_last_clear_resolves_it(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme")
    sound(scene.event(), scene.event(key="f2"))
    assert len(sound.all(Case)) == 1
    assert len(sound.all(Alert)) == 2
    sound(scene.event("clear", minute=1))
    assert sound.all(Case)[0].state == "registered"
    sound(scene.event("clear", key="f2", minute=2))
    assert sound.all(Case)[0].state == "closed"


def test_an_open_work_order_keeps_a_quiet_case_open(sound: scene.Sounder) -> None:
    (acme,) = scene.accounts(sound.db, "Acme")
    sound(scene.event())
    (case,) = sound.all(Case)
    with sound.db.write() as session:
        order = _order(session, acme, case)
    sound(scene.event("clear", minute=1))
    assert sound.all(Case)[0].state == "registered"
    with sound.db.write() as session:
        session.execute(update(WorkOrder).where(WorkOrder.id == order).values(state="done"))
        resolve_quiet(session, acme.account, case.id)
    assert sound.all(Case)[0].state == "closed"


def _order(session: Any, place: scene.Place, case: Case) -> Any:
    team = Team(
        id=ids.new_id(), slug="fibre", name="Fibre", kind="internal", email="", options={}, hours=[],
        zone="UTC", language="en",
    )  # fmt: skip
    session.add(team)
    session.flush()  # the order refers to the team
    order = WorkOrder(
        account_id=place.account, id=ids.new_id(), number="WO-1", case_id=case.id, team_id=team.id,
        state="placed", title="Splice", text="", placed_at=clock.now(),
    )  # fmt: skip
    session.add(order)
    return order.id


def test_what_matches_no_service_waits_and_is_taken_up_when_it_becomes_known(
    sound: scene.Sounder,
) -> None:
    (acme,) = scene.accounts(sound.db, "Acme", circuit="CIR-9")
    sound(scene.event())
    assert [s.matched for s in sound.all(Signal)] == [False]
    (line,) = sound.all(AuditLine)
    assert "matches no service" in line.sentence
    scene.accounts(sound.db, "Bolt", circuit="CIR-1")
    assert sound(scene.event()) == 1
    assert [s.matched for s in sound.all(Signal)] == [True]
    assert len(sound.all(Case)) == 1
    assert sound.kinds(acme) == []


def test_the_first_identifier_that_is_known_decides(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme", circuit="CIR-1")
    scene.accounts(sound.db, "Bolt", circuit="HOST-1")
    sound(scene.event(identifiers=(("circuit", "CIR-1"), ("circuit", "HOST-1"))))
    assert len(sound.all(Case)) == 1


@pytest.mark.parametrize("already", [False, True], ids=["new", "repeated"])
def test_the_number_of_statements_does_not_grow_with_the_alerts(sound: scene.Sounder, already: bool) -> None:
    with sound.db.write() as session:
        for number in range(1000):
            scene.account(session, f"a{number}", f"N{number}")
    counts = []
    for size in (1, 10, 1000):
        events = [
            scene.event(key=f"k{size}-{n}", identifiers=(("circuit", f"N{n}"),), title=f"Fault {size}")
            for n in range(size)
        ]
        if already:
            sound(*events)
        else:  # every size opens its own cases: the ones of the size before are closed
            _close_all(sound)
        with counting(sound.db) as statements:
            sound(*events)
        counts.append(len(statements))
    assert counts == [counts[0]] * 3
    assert counts[0] <= (5 if already else 15)


def _close_all(sound: scene.Sounder) -> None:
    with sound.db.write() as session:
        session.execute(update(Case).values(state="closed", closed_at=clock.now()))


@pytest.mark.slow
def test_ten_thousand_alerts_in_one_body_are_taken_whole(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme")
    assert sound(*(scene.event(key=f"k{n}") for n in range(10_000))) == 10_000
    with sound.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Alert)) == 10_000
        head = session.scalars(select(timeline.Head)).one()
    assert head.seq == 10_001


HAPPENING = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from([0, 10, 20]), st.sampled_from(["firing", "clear"])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=20)
@given(HAPPENING, st.randoms(use_true_random=False))
def test_any_order_and_repetition_keep_the_rules(fresh_database: Any, happening: Any, random: Any) -> None:
    database = Database(fresh_database(), synchronous="OFF")
    try:
        with database.write() as session:
            sound = scene.Sounder(database, alarm.Source(scene.connection(session), "Alertmanager"))
        scene.accounts(database, "Acme", "Bolt")
        events = [
            scene.event(state, key=key, start=start, minute=start + (5 if state == "clear" else 0))
            for key, start, state in happening
        ]
        for event in [*events, *random.sample(events, len(events))]:
            sound(event)
        _check_rules(sound, happening)
    finally:
        database.dispose()


def _check_rules(sound: scene.Sounder, happening: Any) -> None:
    open_cases = Counter((c.account_id, c.correlation_key) for c in sound.all(Case) if c.closed_at is None)
    assert max(open_cases.values(), default=0) <= 1
    firing = {(s.id) for s in sound.all(Signal) if s.state == "firing" and not s.stale}
    active = {a.signal_id for a in sound.all(Alert) if a.cleared_at is None}
    assert active == firing
    assert len(open_cases) == (2 if active else 0)
    for head in sound.all(timeline.Head):
        seqs = sorted(e.seq for e in sound.all(timeline.Entry) if e.account_id == head.account_id)
        assert seqs == list(range(1, head.seq + 1))


@pytest.mark.parametrize("said", ["", "LinkDown"], ids=["no title", "another title"])
def test_the_end_of_an_alert_has_the_title_of_its_beginning(sound: scene.Sounder, said: str) -> None:
    scene.accounts(sound.db, "Acme")
    sound(scene.event())
    sound(scene.event("clear", minute=1, title=said))
    (cleared,) = [entry for entry in sound.all(timeline.Entry) if entry.kind == "alert.cleared"]
    assert cleared.sentence == "Alertmanager reports the end of: Link down on Acme line."
    assert [signal.title for signal in sound.all(Signal)] == ["Link down"]


def test_an_episode_that_a_later_one_ends_keeps_its_own_title(sound: scene.Sounder) -> None:
    scene.accounts(sound.db, "Acme")
    sound(scene.event(title="Loss 5 %"))
    sound(scene.event(title="Loss 90 %", start=10, minute=10))
    (cleared,) = [entry for entry in sound.all(timeline.Entry) if entry.kind == "alert.cleared"]
    assert "the end of: Loss 5 % on" in cleared.sentence
