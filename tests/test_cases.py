"""Cases: how they begin, what they weigh, how they live and end, when they are shared."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise, product
from typing import Any

import case_scene
import pytest
from case_scene import SOON, WAYS, Scene, case_of, do, do_as, jonas, opened, reported, rolf

from hub.base import clock
from hub.base.errors import Conflict, Invalid
from hub.domain import cases
from hub.domain.cases import Case, CaseState, NewCase
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock


@pytest.fixture
def scene(hub: Hub, moving_clock: MovingClock) -> Scene:
    return case_scene.build(hub.db)


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


@pytest.mark.parametrize("end", [cases.resolve, cases.cancel])
def test_an_end_takes_back_what_was_to_come_next(scene: Scene, end: Callable[..., int]) -> None:
    case = opened(scene, shared=True)
    do(scene, case, cases.set_next, "We look", clock.now() + SOON)
    do(scene, case, cases.wait, "customer")
    do(scene, case, end, "done")
    now = scene.case(case)
    assert (now.next_step, now.next_update_by, now.wait_reason) == (None, None, None)


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
    do(scene, ended, cases.cancel, "false alarm")
    with scene.db.write() as session:
        for case, minutes in ((due, 10), (ended, 10), (later, 30)):
            case_of(session, scene, case).share_at = clock.now() + timedelta(minutes=minutes)
    with scene.db.write() as session:
        assert cases.share_due(session) == 0
    moving_clock.forward(timedelta(minutes=10))
    with scene.db.write() as session:
        assert cases.share_due(session) == 1
        assert cases.share_due(session) == 0
    assert [scene.case(case).is_shared for case in (due, ended, later)] == [True, False, False]
    assert scene.told() == [("customers", "case-shared")]
    assert scene.kinds(due, "customer") == ["case.shared"]
