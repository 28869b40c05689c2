"""Cases: their life, who sees them, what is said to whom."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise, product
from typing import Any

import case_scene
import pytest
from case_scene import Scene
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Conflict, Invalid, NotFound, TooLarge
from hub.domain import attachments, cases
from hub.domain.attachments import Files, Upload
from hub.domain.audit import Actor
from hub.domain.cases import Case, CaseState, NewCase, Written
from hub.domain.timeline import Entry
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock

SOON = timedelta(hours=2)


@pytest.fixture
def scene(hub: Hub, moving_clock: MovingClock) -> Scene:
    return case_scene.build(hub.db)


def jonas(scene: Scene) -> Actor:
    return Actor("staff", "Jonas Weber", scene.ids["Jonas Weber"], public=case_scene.REACH)


def rolf(scene: Scene) -> Actor:
    return Actor("customer", "Rolf Voss", scene.ids["Rolf Voss"])


def opened(scene: Scene, *, shared: bool = False, **more: Any) -> uuid.UUID:
    """A case that Jonas opened, shared if asked for."""
    with scene.db.write() as session:
        new = NewCase(title="Packet loss", text="BGP flaps", **more)
        case = cases.open_case(session, jonas(scene), scene.account(session), new).case
        if shared:
            cases.share(session, jonas(scene), case, "Slow line")
        return case.id


def reported(scene: Scene, who: str = "Rolf Voss", **more: Any) -> uuid.UUID:
    with scene.db.write() as session:
        new = NewCase(title="Line down", text="Nothing works", requester_id=scene.ids[who], **more)
        actor = Actor("customer", who, scene.ids[who])
        return cases.report_case(session, actor, scene.account(session), new).case.id


def do(scene: Scene, case_id: uuid.UUID, verb: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """One verb of Jonas in a transaction of its own."""
    return do_as(scene, jonas(scene), case_id, verb, *args, **more)


def do_as(
    scene: Scene, actor: Actor, case_id: uuid.UUID, verb: Callable[..., Any], *args: Any, **more: Any
) -> Any:
    with scene.db.write() as session:
        return verb(session, actor, case_of(session, scene, case_id), *args, **more)


def case_of(session: Session, scene: Scene, case_id: uuid.UUID) -> Case:
    return session.get_one(Case, (scene.ids["nordwind"], case_id))


# --- opening


def test_a_case_is_staff_only_and_has_a_number_that_can_be_read_out(scene: Scene) -> None:
    case = scene.case(opened(scene, service_id=scene.ids["Kiel uplink"]))
    assert case.number == "NORD-10001"
    assert (case.state, case.priority, case.is_shared) == ("registered", "medium", False)
    assert case.site_id == scene.ids["Kiel"]
    (entry,) = scene.entries(case.id)
    assert entry.sentence == "NORD-10001 was opened: Packet loss."
    assert (entry.audience, entry.body, entry.service_id) == ("staff", "BGP flaps", case.service_id)


def test_numbers_are_of_one_counter_so_that_gaps_tell_customers_nothing(scene: Scene) -> None:
    with scene.db.write() as session:
        for slug in ("nordwind", "suedwerk", "nordwind"):
            new = NewCase(title="x")
            cases.open_case(session, jonas(scene), scene.account(session, slug), new)
    assert sorted(case.number for case in scene.all(Case)) == ["NORD-10001", "NORD-10003", "SUED-10002"]


def test_a_report_is_shared_from_birth_under_the_customers_words(scene: Scene) -> None:
    case = scene.case(reported(scene))
    assert case.is_shared
    assert case.customer_title == "Line down"
    (entry,) = scene.entries(case.id)
    assert (entry.audience, entry.actor_name, entry.direction) == ("customer", "Rolf Voss", "in")


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("title", {"title": " \n "}),
        ("case_type", {"case_type": "riot"}),
        ("impact", {"impact": "huge"}),
        ("urgency", {"urgency": ""}),
        ("service_id", {"service_id": uuid.uuid4()}),
        ("site_id", {"site_id": uuid.uuid4()}),
    ],
)
def test_what_cannot_be_is_refused_by_field(scene: Scene, field: str, more: dict[str, Any]) -> None:
    with scene.db.write() as session, pytest.raises(Invalid) as refused:
        new = NewCase(**{"title": "x", **more})
        cases.open_case(session, jonas(scene), scene.account(session), new)
    assert list(refused.value.fields) == [field]


def test_a_service_of_another_account_is_no_service(scene: Scene) -> None:
    with scene.db.write() as session, pytest.raises(Invalid):
        new = NewCase(title="x", service_id=scene.ids["Kiel uplink"])
        cases.open_case(session, jonas(scene), scene.account(session, "suedwerk"), new)


def test_categories_are_free_words(scene: Scene) -> None:
    assert scene.case(opened(scene, category="Schlüssel & Zutritt")).category == "Schlüssel & Zutritt"


# --- priority


def test_the_matrix_is_complete_and_grows_with_impact_and_urgency() -> None:
    levels = ("low", "medium", "high")
    order = ["low", "medium", "high", "critical"]
    ranks = {(i, u): order.index(cases.priority_of(i, u)) for i, u in product(levels, levels)}
    for level in levels:
        for worse, better in pairwise(reversed(levels)):
            assert ranks[worse, level] >= ranks[better, level]
            assert ranks[level, worse] >= ranks[level, better]
    assert cases.priority_of("high", "high") == "critical"
    assert cases.priority_of("low", "low") == "low"


def test_another_priority_than_the_matrix_needs_a_reason(scene: Scene) -> None:
    case = opened(scene, shared=True)
    with pytest.raises(Invalid) as refused:
        do(scene, case, cases.prioritise, "low", "low", priority="critical")
    assert "reason" in refused.value.fields
    do(scene, case, cases.prioritise, "low", "low", priority="critical", reason="Trade fair tomorrow")
    now = scene.case(case)
    assert (now.priority, now.priority_reason) == ("critical", "Trade fair tomorrow")
    entry = scene.entries(case)[-1]
    assert entry.sentence == "The priority of NORD-10001 is critical now."
    assert entry.audience == "staff"
    do(scene, case, cases.prioritise, "high", "medium")
    assert (scene.case(case).priority, scene.case(case).priority_reason) == ("high", None)


# --- life


def test_the_way_from_report_to_confirmation(scene: Scene, moving_clock: MovingClock) -> None:
    case = reported(scene)
    do(scene, case, cases.start)
    do(scene, case, cases.wait, "customer")
    do(scene, case, cases.start)
    moving_clock.forward(SOON)
    do(scene, case, cases.resolve, "A splice was renewed")
    waiting = scene.case(case)
    assert (waiting.state, waiting.closed_at) == ("resolved", None)
    do_as(scene, rolf(scene), case, cases.confirm)
    now = scene.case(case)
    assert now.state == "closed"
    assert now.closed_at == moving_clock.now
    assert scene.kinds(case, "customer") == [
        *("case.reported", "case.state", "case.state", "case.state", "case.resolved", "case.confirmed"),
    ]
    said = [entry.sentence for entry in scene.entries(case)][1:4]
    assert said == [
        "NORD-10001 is now in progress.",
        "NORD-10001 is now waiting for the customer's answer.",
        "NORD-10001 is now in progress.",
    ]


def test_a_case_never_shared_closes_itself_when_solved(scene: Scene) -> None:
    case = opened(scene)
    do(scene, case, cases.resolve, "Gone by itself")
    now = scene.case(case)
    assert now.state == "closed"
    assert now.closed_at is not None
    assert scene.entries(case, "customer") == []


def test_whom_we_wait_for_among_ourselves_stays_among_us(scene: Scene) -> None:
    case = opened(scene, shared=True)
    do(scene, case, cases.start)
    before = len(scene.entries(case, "customer"))
    do(scene, case, cases.wait, "supplier")
    do(scene, case, cases.start)
    assert len(scene.entries(case, "customer")) == before
    do(scene, case, cases.wait, "customer")
    do(scene, case, cases.wait, "provider_team")
    now = scene.case(case)
    assert now.shown_state("staff") == "waiting_provider_team"
    assert now.shown_state("customer") == "in_progress"
    assert "provider_team" not in str([entry.data for entry in scene.entries(case, "customer")])


ENDED = ("closed", "cancelled")
VERBS: dict[str, tuple[tuple[str, ...], Callable[[Scene, uuid.UUID], Any]]] = {
    "start": (("registered", "waiting"), lambda s, c: do(s, c, cases.start)),
    "wait": (("registered", "in_progress", "waiting"), lambda s, c: do(s, c, cases.wait, "approval")),
    "resolve": (("registered", "in_progress", "waiting"), lambda s, c: do(s, c, cases.resolve, "done")),
    "confirm": (("resolved",), lambda s, c: do(s, c, cases.confirm)),
    "reopen": (("resolved",), lambda s, c: do(s, c, cases.reopen, "still slow")),
    "close": (("resolved",), lambda s, c: do(s, c, cases.close)),
    "cancel": (("registered", "in_progress", "waiting"), lambda s, c: do(s, c, cases.cancel, "twin")),
    "set_next": (
        ("registered", "in_progress", "waiting"),
        lambda s, c: do(s, c, cases.set_next, "We look", clock.now() + SOON),
    ),
    "publish": (
        ("registered", "in_progress", "waiting", "resolved"),
        lambda s, c: do(s, c, cases.publish, "Hello", "We look", clock.now() + SOON),
    ),
    "set_handler": (
        ("registered", "in_progress", "waiting", "resolved"),
        lambda s, c: do(s, c, cases.set_handler, s.ids["Mila Novak"]),
    ),
    "prioritise": (
        ("registered", "in_progress", "waiting", "resolved"),
        lambda s, c: do(s, c, cases.prioritise, "high", "high"),
    ),
    "note": (tuple(CaseState), lambda s, c: do(s, c, cases.note, "hm")),
}
WAYS: dict[str, list[Callable[[Scene, uuid.UUID], Any]]] = {
    "registered": [],
    "in_progress": [lambda s, c: do(s, c, cases.start)],
    "waiting": [lambda s, c: do(s, c, cases.wait, "customer")],
    "resolved": [lambda s, c: do(s, c, cases.resolve, "done")],
    "closed": [lambda s, c: do(s, c, cases.resolve, "done"), lambda s, c: do(s, c, cases.close)],
    "cancelled": [lambda s, c: do(s, c, cases.cancel, "twin")],
}


@pytest.mark.parametrize("state", WAYS)
def test_each_verb_in_each_state_either_writes_one_entry_or_says_why_not(scene: Scene, state: str) -> None:
    for name, (allowed, verb) in VERBS.items():
        case = opened(scene, shared=True)
        for step in WAYS[state]:
            step(scene, case)
        before = len(scene.entries(case))
        if state in allowed:
            verb(scene, case)
            assert len(scene.entries(case)) == before + 1, name
        else:
            with pytest.raises(Conflict) as refused:
                verb(scene, case)
            assert str(refused.value).endswith("."), name
            assert len(scene.entries(case)) == before
            assert scene.case(case).state == state


def test_solved_cases_are_reopened_within_the_grace_and_closed_after_it(
    scene: Scene, moving_clock: MovingClock
) -> None:
    early, late = reported(scene), reported(scene)
    for case in (early, late):
        do(scene, case, cases.resolve, "done")
    moving_clock.forward(cases.GRACE - timedelta(seconds=1))
    do_as(scene, rolf(scene), early, cases.reopen, "Down again")
    assert (scene.case(early).state, scene.case(early).reopened) == ("in_progress", 1)
    with scene.db.write() as session:
        assert cases.close_due(session) == 0
    moving_clock.forward(timedelta(seconds=1))
    with pytest.raises(Conflict, match="closed for good"):  # the worker has not come round yet
        do_as(scene, rolf(scene), late, cases.reopen, "Down again")
    with scene.db.write() as session:
        assert cases.close_due(session) == 1
        assert cases.close_due(session) == 0
    assert (scene.case(late).state, scene.case(late).closed_at) == ("closed", moving_clock.now)
    assert scene.kinds(late, "customer")[-1] == "case.closed"
    assert scene.case(early).state == "in_progress"


def test_an_end_takes_back_what_was_to_come_next(scene: Scene) -> None:
    case = opened(scene, shared=True)
    do(scene, case, cases.set_next, "We look", clock.now() + SOON)
    do(scene, case, cases.resolve, "done")
    now = scene.case(case)
    assert (now.next_step, now.next_update_by) == (None, None)


# --- sharing


def test_sharing_needs_a_title_for_the_customer_and_happens_once(scene: Scene) -> None:
    case = opened(scene)
    with pytest.raises(Invalid) as refused:
        do(scene, case, cases.share)
    assert "customer_title" in refused.value.fields
    do(scene, case, cases.share, "Slow line")
    with pytest.raises(Conflict):
        do(scene, case, cases.share, "Slow line")
    (entry,) = scene.entries(case, "customer")
    assert entry.sentence == "We opened NORD-10001 for you: Slow line."
    assert "Packet loss" not in entry.sentence + str(entry.data)


def test_a_policy_shares_when_its_time_has_come(scene: Scene, moving_clock: MovingClock) -> None:
    due, ended, later = opened(scene, customer_title="Slow line"), opened(scene), opened(scene)
    with scene.db.write() as session:
        for case, minutes in ((due, 10), (ended, 10), (later, 30)):
            case_of(session, scene, case).share_at = clock.now() + timedelta(minutes=minutes)
    do(scene, ended, cases.cancel, "false alarm")
    with scene.db.write() as session:
        assert cases.share_due(session) == 0
    moving_clock.forward(timedelta(minutes=10))
    with scene.db.write() as session:
        assert cases.share_due(session) == 1
        assert cases.share_due(session) == 0
    assert [scene.case(case).is_shared for case in (due, ended, later)] == [True, False, False]
    assert scene.told() == [("customers", "case-shared")]
    assert scene.kinds(due, "customer") == ["case.shared"]


# --- what is said


def test_publishing_asks_for_the_next_step_and_the_next_update(scene: Scene) -> None:
    case = opened(scene, shared=True)
    with pytest.raises(Invalid) as refused:
        do(scene, case, cases.publish, "We are on it")
    assert set(refused.value.fields) == {"next_step", "next_update_by"}
    with pytest.raises(Invalid) as refused:
        do(scene, case, cases.publish, "We are on it", "We measure", clock.now())
    assert set(refused.value.fields) == {"next_update_by"}
    source = do(scene, case, cases.note, "Fibre says: splice")
    by = clock.now() + SOON
    do(scene, case, cases.publish, "We are on it", "We measure", by, source_seq=source)
    now = scene.case(case)
    assert (now.state, now.next_step, now.next_update_by) == ("in_progress", "We measure", by)
    entry = scene.entries(case)[-1]
    assert (entry.audience, entry.body, entry.source_seq) == ("customer", "We are on it", source)
    assert (entry.channel, entry.direction) == ("portal", "out")


def test_publishing_a_solution_needs_no_next_step(scene: Scene) -> None:
    case = opened(scene, shared=True)
    do(scene, case, cases.publish, "It works again", resolves=True)
    assert (scene.case(case).state, scene.case(case).solution) == ("resolved", "It works again")
    do(scene, case, cases.publish, "It was a splice")
    assert scene.case(case).state == "resolved"


def test_nothing_is_published_on_a_case_that_the_customer_does_not_know(scene: Scene) -> None:
    case = opened(scene)
    for more in ({"next_step": "x", "next_update_by": clock.now() + SOON}, {"resolves": True}):
        with pytest.raises(Conflict, match="Share it"):
            do(scene, case, cases.publish, "Hello", **more)
    with pytest.raises(Conflict, match="Share it"):
        do_as(scene, rolf(scene), case, cases.customer_wrote, "Hello?")


def test_customers_never_read_names_of_ours_but_the_reach(scene: Scene) -> None:
    case = opened(scene, shared=True)
    steps: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
        (cases.set_handler, (scene.ids["Mila Novak"],)),
        (cases.note, ("internal",)),
        (cases.log_call, ("Rolf Voss", "He will wait")),
        (cases.publish, ("Hello", "We look", clock.now() + SOON)),
        (cases.set_reference, ("INC-77",)),
        (cases.set_target, (clock.now() + SOON,)),
        (cases.set_next, ("We look closer", clock.now() + SOON)),
        (cases.wait, ("customer",)),
        (cases.set_handler, (None,)),
        (cases.resolve, ("done",)),
        (cases.reopen, ("not done",)),
        (cases.cancel, ("twin of another",)),
    ]
    for verb, args in steps:
        do(scene, case, verb, *args)
    seen = scene.entries(case, "customer")
    words = str([(e.sentence, e.body, e.data, e.actor_name) for e in seen])
    for name in ("Weber", "Mila", "Novak", "internal", "He will wait", "Packet loss"):
        assert name not in words
    assert {e.actor_name for e in seen} == {case_scene.REACH}
    assert "Jonas W., Elbe Connect wrote about NORD-10001." in words
    assert "…" not in str([e.sentence for e in scene.entries(case)])  # a fact that is missing


def test_an_answer_ends_the_wait_for_it(scene: Scene) -> None:
    case = reported(scene)
    do(scene, case, cases.wait, "customer")
    written = do_as(scene, rolf(scene), case, cases.customer_wrote, "Here you are", channel="email")
    assert (written.case.id, written.opened) == (case, False)
    assert scene.case(case).state == "in_progress"
    entry = scene.entries(case)[-1]
    assert (entry.kind, entry.channel, entry.direction) == ("message.customer", "email", "in")
    do(scene, case, cases.wait, "supplier")
    do_as(scene, rolf(scene), case, cases.customer_wrote, "And this")
    assert scene.case(case).state == "waiting"


def test_thanks_do_not_reopen(scene: Scene) -> None:
    case = reported(scene)
    do(scene, case, cases.resolve, "done")
    do_as(scene, rolf(scene), case, cases.customer_wrote, "Thank you!")
    assert scene.case(case).state == "resolved"
    do_as(scene, rolf(scene), case, cases.customer_wrote, "No, it is still down", reopens=True)
    assert scene.case(case).state == "in_progress"
    assert scene.kinds(case)[-2:] == ["message.customer", "case.reopened"]


@pytest.mark.parametrize("end", ["closed", "cancelled", "grace"])
def test_what_is_written_after_the_end_opens_a_case_that_follows(
    scene: Scene, moving_clock: MovingClock, end: str
) -> None:
    old = reported(scene, service_id=scene.ids["Kiel uplink"])
    for step in WAYS["resolved" if end == "grace" else end]:
        step(scene, old)
    moving_clock.forward(cases.GRACE)
    written: Written = do_as(scene, rolf(scene), old, cases.customer_wrote, "Down again", reopens=True)
    new = scene.case(written.case.id)
    assert written.opened
    assert (new.follows_id, new.service_id, new.requester_id) == (
        old,
        scene.ids["Kiel uplink"],
        scene.ids["Rolf Voss"],
    )
    assert (new.state, new.number, new.is_shared) == ("registered", "NORD-10002", True)
    (entry,) = scene.entries(new.id)
    assert entry.sentence == "NORD-10002 was opened; it follows NORD-10001, which is closed."
    assert entry.body == "Down again"
    again: Written = do_as(scene, rolf(scene), old, cases.customer_wrote, "Hello?")
    assert (again.case.id, again.opened) == (new.id, False)


def test_long_texts_are_refused_and_control_characters_dropped(scene: Scene) -> None:
    case = opened(scene)
    with pytest.raises(Invalid):
        do(scene, case, cases.note, "x" * 50_001)
    do(scene, case, cases.note, "a\x00b\x1b[31m\r\nc")
    assert scene.entries(case)[-1].body == "ab[31m\nc"


def test_only_one_of_us_can_be_the_handler(scene: Scene) -> None:
    case = opened(scene)
    with pytest.raises(Invalid):
        do(scene, case, cases.set_handler, scene.ids["Rolf Voss"])
    do(scene, case, cases.set_handler, scene.ids["Mila Novak"])
    assert scene.entries(case)[-1].sentence == "Mila Novak works on NORD-10001."
    do(scene, case, cases.set_handler, None)
    assert scene.case(case).handler_id is None


def test_a_change_names_what_was_changed_and_no_change_writes_nothing(scene: Scene) -> None:
    case = opened(scene)
    assert do(scene, case, cases.change, title="Packet loss", category="") is None
    do(scene, case, cases.change, title="Loss at Kiel", category="network")
    assert scene.entries(case)[-1].sentence == "NORD-10001 was changed: title, category."
    do(scene, case, cases.set_place, scene.ids["Bremen uplink"], None)
    assert scene.case(case).site_id == scene.ids["Bremen"]
    assert scene.entries(case)[-1].sentence == "NORD-10001 was changed: service, site."


# --- who sees what


def seen_by(scene: Scene, name: str, lens: str) -> set[uuid.UUID]:
    with scene.acting(name) as (session, viewer):
        listed = cases.list_cases(session, viewer, lens).cases
        for case in listed:
            assert cases.find(session, viewer, lens, case.number).id == case.id
        opened_ = cases.open_cases(session, viewer, lens, scene.ids["nordwind"])
        assert {case.id for case in opened_} <= {case.id for case in listed}
        hidden = {c.number for c in scene.all(Case)} - {c.number for c in listed}
        for number in hidden:
            with pytest.raises(NotFound):
                cases.find(session, viewer, lens, number)
        return {case.id for case in listed}


def test_everyone_sees_theirs_and_nothing_else(scene: Scene) -> None:
    internal = opened(scene)
    kiel = opened(scene, shared=True, service_id=scene.ids["Kiel uplink"])
    bremen = reported(scene, "Rolf Voss", service_id=scene.ids["Bremen uplink"])
    wide = reported(scene, "Ines Brandt")
    everything, shared = {internal, kiel, bremen, wide}, {kiel, bremen, wide}
    assert seen_by(scene, "Jonas Weber", "staff") == everything
    assert seen_by(scene, "Jonas Weber", "customer") == set()
    assert seen_by(scene, "Ada Petersen", "customer") == shared
    assert seen_by(scene, "Vera Sand", "customer") == shared
    assert seen_by(scene, "Ada Petersen", "staff") == set()
    assert seen_by(scene, "Rolf Voss", "customer") == {bremen}
    assert seen_by(scene, "Ines Brandt", "customer") == {wide}
    assert seen_by(scene, "Tim Kiel", "customer") == {kiel}
    assert seen_by(scene, "Bea Geld", "customer") == set()
    assert seen_by(scene, "Zoe Berg", "customer") == set()
    do(scene, kiel, cases.watch, scene.ids["Rolf Voss"])
    assert seen_by(scene, "Rolf Voss", "customer") == {bremen, kiel}
    do(scene, kiel, cases.unwatch, scene.ids["Rolf Voss"])
    assert seen_by(scene, "Rolf Voss", "customer") == {bremen}


def test_restricted_accounts_are_hidden_from_those_not_assigned(scene: Scene) -> None:
    case = opened(scene)
    with scene.db.write() as session:
        scene.account(session).restricted = True
    assert seen_by(scene, "Jonas Weber", "staff") == {case}
    assert seen_by(scene, "Mila Novak", "staff") == set()


def test_only_members_can_follow_and_only_what_is_shared(scene: Scene) -> None:
    case = opened(scene, shared=True)
    with pytest.raises(Invalid):
        do(scene, case, cases.watch, scene.ids["Zoe Berg"])
    assert do(scene, case, cases.watch, scene.ids["Rolf Voss"]) is not None
    assert do(scene, case, cases.watch, scene.ids["Rolf Voss"]) is None
    with pytest.raises(Conflict):
        do(scene, opened(scene), cases.watch, scene.ids["Rolf Voss"])


@given(count=st.integers(0, 7), limit=st.integers(1, 4))
@hypothesis_settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_hold_every_case_once_newest_first(hub: Hub, count: int, limit: int) -> None:
    scene = case_scene.build_again(hub.db)
    wanted = [opened(scene) for _ in range(count)]
    with scene.acting("Jonas Weber") as (session, viewer):
        found: list[uuid.UUID] = []
        before = None
        while True:
            page = cases.list_cases(
                session, viewer, "staff", scene.ids["nordwind"], before=before, limit=limit
            )
            assert len(page.cases) <= limit
            found += [case.id for case in page.cases]
            if (before := page.older) is None:
                break
    assert found == wanted[::-1]


def test_a_made_up_page_is_refused(scene: Scene) -> None:
    with scene.acting("Jonas Weber") as (session, viewer), pytest.raises(Invalid):
        cases.list_cases(session, viewer, "staff", before="' OR 1=1 --")


# --- forms


def test_a_form_key_is_its_senders_own(scene: Scene) -> None:
    account = scene.ids["nordwind"]
    with scene.db.write() as session:
        assert cases.seen(session, account, scene.ids["Rolf Voss"], "k1") is None
        cases.remember(session, account, scene.ids["Rolf Voss"], "k1", account, 7)
    with scene.db.write() as session:
        assert cases.seen(session, account, scene.ids["Rolf Voss"], None) is None
        assert cases.seen(session, account, scene.ids["Ines Brandt"], "k1") is None
        first = cases.seen(session, account, scene.ids["Rolf Voss"], "k1")
        assert first is not None
        assert first.seq == 7


# --- files


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\trace.pcap", "trace.pcap"),
        ("re\u202egnp.exe", "re_gnp.exe"),
        ("a\r\nSet-Cookie: x.txt", "a__Set-Cookie_ x.txt"),
        ("..", "file"),
        ("", "file"),
        ("übersicht \u200b 1.pdf", "übersicht _ 1.pdf"),
        ("x" * 300 + ".tar", "x" * 146 + ".tar"),
    ],
)
def test_hostile_names_become_harmless(name: str, kept: str) -> None:
    assert attachments.harmless_name(name) == kept


@given(st.text())
def test_any_name_becomes_one_that_can_be_shown_and_saved(name: str) -> None:
    kept = attachments.harmless_name(name)
    assert 0 < len(kept) <= 150
    assert not set(kept) & set('/\\\x00\r\n\t"<>')
    assert kept not in (".", "..")
    assert attachments.harmless_name(kept) == kept


@pytest.mark.parametrize(
    ("claimed", "content", "kept"),
    [
        ("image/png", b"%PDF-1.7", "application/pdf"),
        ("text/html", b"<script>", "application/octet-stream"),
        ("image/svg+xml", b"<svg onload=x>", "application/octet-stream"),
        ("text/plain; charset=utf-8", b"hi", "text/plain"),
        ("application/zip", b"PK\x03\x04", "application/zip"),
        (
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            b"PK\x03\x04",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
    ],
)
def test_a_type_is_what_the_content_shows(claimed: str, content: bytes, kept: str) -> None:
    assert attachments.media_type_of(Upload("x", claimed, content)) == kept


def attach(scene: Scene, case_id: uuid.UUID, entry: Entry) -> uuid.UUID:
    with scene.db.write() as session:
        files = Files([Upload("trace.txt", "text/plain", b"hop 1")])
        (kept,) = attachments.add(
            session, entry.account_id, entry.seq, entry.audience, files, case_id=case_id
        )
        return kept.id


def test_a_file_is_for_those_who_may_read_its_entry(scene: Scene) -> None:
    case = reported(scene, "Rolf Voss")
    do(scene, case, cases.note, "our trace")
    theirs, ours = (attach(scene, case, entry) for entry in scene.entries(case))
    readers = {"Jonas Weber": {theirs, ours}, "Ada Petersen": {theirs}, "Rolf Voss": {theirs}}
    for name in (*case_scene.STAFF, *case_scene.CUSTOMERS):
        lens = "staff" if name in case_scene.STAFF else "customer"
        allowed = {theirs, ours} if lens == "staff" else readers.get(name, set())
        if name == "Vera Sand":
            allowed = {theirs}
        with scene.acting(name) as (session, viewer):
            for file_id in (theirs, ours):
                if file_id in allowed:
                    found = cases.attachment(session, viewer, lens, scene.ids["nordwind"], file_id)
                    assert found.content == b"hop 1"
                else:
                    with pytest.raises(NotFound):
                        cases.attachment(session, viewer, lens, scene.ids["nordwind"], file_id)


def test_too_many_or_too_large_files_are_refused() -> None:
    small = Upload("a", "text/plain", b"12345")
    with pytest.raises(TooLarge):
        Files([small], limit=4).check()
    with pytest.raises(Invalid):
        Files([small] * 21).check()
    Files([small] * 20, limit=5).check()


# --- the life of any case


class Life(RuleBasedStateMachine):
    """One case through any sequence of verbs, each refused or leaving exactly one line."""

    build: Callable[[], Scene]

    @initialize(report=st.booleans())
    def begin(self, report: bool) -> None:
        self.clock = MovingClock(clock.now())
        self.clock.set(clock.now().replace(microsecond=0))
        self.scene = type(self).build()
        self.id = reported(self.scene) if report else opened(self.scene)
        self.number = self.scene.case(self.id).number
        self.shared = report

    def teardown(self) -> None:
        if hasattr(self, "clock"):
            self.clock._stack.close()

    def try_(self, verb: Callable[..., Any], *args: Any, actor: Actor | None = None, **more: Any) -> None:
        before = self.scene.entries()
        was = self.scene.case(self.id)
        try:
            do_as(self.scene, actor or jonas(self.scene), self.id, verb, *args, **more)
        except Conflict:
            assert len(self.scene.entries()) == len(before)
            assert self.scene.case(self.id).version == was.version
            return
        assert len(self.scene.entries()) == len(before) + 1

    @rule()
    def start(self) -> None:
        self.try_(cases.start)

    @rule(reason=st.sampled_from(["customer", "supplier", "provider_team", "approval", "planned_date"]))
    def wait(self, reason: str) -> None:
        self.try_(cases.wait, reason)

    @rule()
    def share(self) -> None:
        self.try_(cases.share, "For you")

    @rule()
    def resolve(self) -> None:
        self.try_(cases.resolve, "done")

    @rule()
    def confirm(self) -> None:
        self.try_(cases.confirm, actor=rolf(self.scene))

    @rule()
    def reopen(self) -> None:
        self.try_(cases.reopen, "not done")

    @rule()
    def publish(self) -> None:
        self.try_(cases.publish, "News", "We look", clock.now() + SOON)

    @rule(reopens=st.booleans())
    def wrote(self, reopens: bool) -> None:
        self.try_(cases.customer_wrote, "Hello", actor=rolf(self.scene), reopens=reopens)

    @rule()
    def note(self) -> None:
        self.try_(cases.note, "hm")

    @precondition(lambda self: self.scene.case(self.id).state != "cancelled")
    @rule(chance=st.integers(0, 9))
    def cancel(self, chance: int) -> None:
        if chance == 0:  # it ends most runs early
            self.try_(cases.cancel, "twin")

    @rule(days=st.integers(1, 8))
    def time_passes(self, days: int) -> None:
        self.clock.forward(timedelta(days=days))
        with self.scene.db.write() as session:
            cases.close_due(session)

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "id"):
            return
        case = self.scene.case(self.id)
        entries = self.scene.entries()
        assert case.number == self.number
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        theirs = [entry.customer_seq for entry in entries if entry.audience == "customer"]
        assert theirs == list(range(1, len(theirs) + 1))
        assert (case.closed_at is not None) == (case.state in ENDED)
        assert (case.resolved_at is not None) >= (case.state == "resolved")
        assert (case.wait_reason is not None) == (case.state == "waiting")
        if not case.is_shared:
            assert case.state != "resolved"
            assert not [e for e in entries if e.case_id == self.id and e.audience == "customer"]
        assert case.is_shared >= self.shared
        self.shared = case.is_shared


def test_the_life_of_any_case(hub: Hub) -> None:
    Life.build = staticmethod(lambda: case_scene.build_again(hub.db))
    Life.TestCase.settings = hypothesis_settings(max_examples=15, stateful_step_count=20, deadline=None)
    Life.TestCase("runTest").runTest()
