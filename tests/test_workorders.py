"""Work orders: placed with a team, answered from its own tool, never seen by the customer."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import case_scene
import pytest
from case_scene import Scene, jonas
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.base import clock
from hub.base.errors import Conflict, Invalid, NotFound
from hub.domain import cases, teams, workorders
from hub.domain.audit import HUB, Actor, AuditLine
from hub.domain.cases import Case, NewCase
from hub.domain.outbox import Delivery
from hub.domain.teams import Team
from hub.domain.workorders import WorkOrder
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock

RT = Actor("connection", "Request Tracker")
FIBRE = Actor("team", "Fibre")


@pytest.fixture
def scene(hub: Hub, moving_clock: MovingClock) -> Scene:
    return case_scene.build(hub.db)


def placed(scene: Scene, case_id: uuid.UUID | None = None, **more: Any) -> uuid.UUID:
    with scene.db.write() as session:
        if case_id is None:
            new = NewCase(title="Line down", text="x", requester_id=scene.ids["Rolf Voss"])
            rolf = Actor("customer", "Rolf Voss", scene.ids["Rolf Voss"])
            case = cases.report_case(session, rolf, scene.account(session), new).case
        else:
            case = session.get_one(Case, (scene.ids["nordwind"], case_id))
        team = case_scene.team(session, scene)
        return workorders.place(session, jonas(scene), case, team, "Splice", "At km 4", **more).id


def do(
    scene: Scene, actor: Actor, order_id: uuid.UUID, verb: Callable[..., Any], *args: Any, **more: Any
) -> Any:
    with scene.db.write() as session:
        order = session.get_one(WorkOrder, (scene.ids["nordwind"], order_id))
        return verb(session, actor, order, *args, **more)


def order(scene: Scene, order_id: uuid.UUID) -> WorkOrder:
    (found,) = scene.all(WorkOrder, WorkOrder.id == order_id)
    return found  # type: ignore[no-any-return]


def sent(scene: Scene, order_id: uuid.UUID) -> list[tuple[str, dict[str, Any]]]:
    rows = sorted(scene.all(Delivery, Delivery.order_key == f"order:{order_id}"), key=lambda row: row.id)
    return [(row.kind, row.body) for row in rows]


def test_an_order_is_a_staff_entry_and_a_row_for_the_teams_tool(scene: Scene) -> None:
    due = clock.now() + timedelta(hours=4)
    placed_ = order(scene, placed(scene, due_at=due))
    assert (placed_.number, placed_.state, placed_.due_at) == ("WO-101", "placed", due)
    entry = scene.entries(placed_.case_id)[-1]
    assert entry.sentence == "WO-101 was placed with Fibre: Splice."
    assert (entry.audience, entry.body) == ("staff", "At km 4")
    ((kind, body),) = sent(scene, placed_.id)
    assert kind == "order.open"
    assert body["order_id"] == str(placed_.id)
    assert body["entry_seq"] == entry.seq
    (row,) = scene.all(Delivery, Delivery.kind == "order.open")
    assert row.account_id == scene.ids["nordwind"]


def test_customers_learn_nothing_of_an_order(scene: Scene) -> None:
    order_id = placed(scene)
    case_id = order(scene, order_id).case_id
    do(scene, jonas(scene), order_id, workorders.say, "How long?")
    do(scene, FIBRE, order_id, workorders.apply_message, "Kim", "Two hours", "customer")
    do(scene, RT, order_id, workorders.apply_state, "done", "resolved", True)
    assert scene.kinds(case_id, "customer") == ["case.reported"]


def test_what_we_say_and_cancel_goes_out_in_order(scene: Scene) -> None:
    order_id = placed(scene)
    seq = do(scene, jonas(scene), order_id, workorders.say, "How long?")
    do(scene, jonas(scene), order_id, workorders.cancel, "Came back by itself")
    assert [kind for kind, _ in sent(scene, order_id)] == ["order.open", "order.push", "order.close"]
    pushed = sent(scene, order_id)[1][1]
    assert (pushed["text"], pushed["author"], pushed["entry_seq"]) == ("How long?", "Jonas Weber", seq)
    now = order(scene, order_id)
    assert (now.state, now.finished_at) == ("cancelled", clock.now())
    with pytest.raises(Conflict):
        do(scene, jonas(scene), order_id, workorders.cancel, "again")
    with pytest.raises(Conflict):
        do(scene, jonas(scene), order_id, workorders.say, "Hello?")


def test_orders_need_an_open_case_a_working_team_and_a_time_to_come(scene: Scene) -> None:
    case_id = order(scene, placed(scene)).case_id
    with pytest.raises(Invalid):
        placed(scene, case_id, due_at=clock.now())
    with scene.db.write() as session:
        teams.close_team(session, HUB, case_scene.team(session, scene))
    with pytest.raises(Conflict, match="no new orders"):
        placed(scene, case_id)
    with scene.db.write() as session:
        case_scene.team(session, scene).closed_at = None
        case = session.get_one(Case, (scene.ids["nordwind"], case_id))
        cases.resolve(session, jonas(scene), case, "done")
    with pytest.raises(Conflict, match="Reopen it first"):
        placed(scene, case_id)


def test_a_teams_states_are_applied_once_each(scene: Scene, moving_clock: MovingClock) -> None:
    order_id = placed(scene)
    case_id = order(scene, order_id).case_id
    at = clock.now() - timedelta(minutes=3)
    steps = [("accepted", "new"), ("in_progress", "open"), ("question", "stalled"), ("done", "resolved")]
    for state, status in steps:
        moving_clock.forward(timedelta(minutes=1))
        assert do(scene, RT, order_id, workorders.apply_state, state, status, True, at=at) is not None
        assert do(scene, RT, order_id, workorders.apply_state, state, status, True, at=at) is None
    now = order(scene, order_id)
    assert (now.state, now.foreign_status, now.finished_at) == ("done", "resolved", at)
    said = [entry.sentence for entry in scene.entries(case_id) if entry.kind == "order.state"]
    assert said == [
        "Fibre on WO-101: accepted.",
        "Fibre on WO-101: in progress.",
        "Fibre on WO-101: a question.",
        "Fibre on WO-101: done.",
    ]


def test_a_refusal_keeps_its_reason_and_a_team_may_take_up_again(scene: Scene) -> None:
    order_id = placed(scene)
    do(scene, RT, order_id, workorders.apply_state, "refused", "rejected", True, reason="Not our cable")
    refused = order(scene, order_id)
    assert (refused.refused_reason, refused.is_open) == ("Not our cable", False)
    do(scene, RT, order_id, workorders.apply_state, "in_progress", "open", True)
    again = order(scene, order_id)
    assert (again.refused_reason, again.finished_at, again.is_open) == (None, None, True)


def test_nothing_goes_back_to_placed(scene: Scene) -> None:
    order_id = placed(scene)
    do(scene, RT, order_id, workorders.apply_state, "in_progress", "open", True)
    do(scene, RT, order_id, workorders.apply_state, "placed", "new", True)
    now = order(scene, order_id)
    assert (now.state, now.foreign_status) == ("in_progress", "new")


def test_an_unmapped_status_is_shown_as_it_is_and_changes_nothing_else(scene: Scene) -> None:
    order_id = placed(scene)
    do(scene, RT, order_id, workorders.apply_state, "in_progress", "open", True)
    assert do(scene, RT, order_id, workorders.apply_state, None, "Wartet auf\nGremium", False) is not None
    assert do(scene, RT, order_id, workorders.apply_state, None, "Wartet auf Gremium", False) is None
    now = order(scene, order_id)
    assert (now.state, now.foreign_status, now.foreign_status_mapped) == (
        "in_progress",
        "Wartet auf Gremium",
        False,
    )
    assert scene.entries(now.case_id)[-1].sentence == (
        "Fibre on WO-101 says “Wartet auf Gremium”, which is not mapped."
    )
    do(scene, RT, order_id, workorders.apply_state, "in_progress", "open", True)
    assert order(scene, order_id).foreign_status_mapped


def test_an_unknown_state_is_refused(scene: Scene) -> None:
    with pytest.raises(Invalid):
        do(scene, RT, placed(scene), workorders.apply_state, "exploded", "x", True)


def test_the_teams_last_word_is_what_they_wrote_to_us(scene: Scene) -> None:
    order_id = placed(scene)
    do(
        scene,
        FIBRE,
        order_id,
        workorders.apply_message,
        "Kim Roth",
        "On our way",
        "customer",
        channel="email",
    )
    do(scene, FIBRE, order_id, workorders.apply_message, "Kim Roth", "Who has the key?", "staff")
    assert do(scene, FIBRE, order_id, workorders.apply_message, "Kim Roth", " \n", "customer") is None
    now = order(scene, order_id)
    assert now.last_word == "On our way"
    told, aside = [entry for entry in scene.entries(now.case_id) if entry.kind == "order.message"]
    assert (told.sentence, told.weight, told.channel) == ("Kim Roth on WO-101 wrote.", "headline", "email")
    assert (aside.weight, aside.audience) == ("detail", "staff")


def test_only_staff_find_an_order(scene: Scene) -> None:
    order_id = placed(scene)
    with scene.acting("Jonas Weber") as (session, viewer):
        assert workorders.find(session, viewer, " wo-101 ").id == order_id
    with scene.acting("Ada Petersen") as (session, viewer), pytest.raises(NotFound):
        workorders.find(session, viewer, "WO-101")
    with scene.db.write() as session:
        scene.account(session).restricted = True
    with scene.acting("Mila Novak") as (session, viewer), pytest.raises(NotFound):
        workorders.find(session, viewer, "WO-101")


UPDATE = st.tuples(
    st.sampled_from([None, "placed", "accepted", "in_progress", "question", "done", "refused", "cancelled"]),
    st.sampled_from(["new", "open", "stalled", "resolved", "odd"]),
)


@given(updates=st.lists(UPDATE, max_size=8))
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_update_twice_is_once(hub: Hub, updates: Sequence[tuple[str | None, str]]) -> None:
    scene = case_scene.build_again(hub.db)
    order_id = placed(scene)
    for state, status in updates:
        do(scene, RT, order_id, workorders.apply_state, state, status, state is not None)
        before, entries = order(scene, order_id), len(scene.entries())
        assert do(scene, RT, order_id, workorders.apply_state, state, status, state is not None) is None
        now = order(scene, order_id)
        assert now.version == before.version
        assert len(scene.entries()) == entries
        assert (now.finished_at is None) == now.is_open
        assert now.foreign_status_mapped == (state is not None)
        if state not in (None, "placed"):
            assert now.state == state


# --- teams


def test_a_team_needs_a_way_to_reach_it_and_its_changes_are_audited(scene: Scene) -> None:
    with scene.db.write() as session:
        with pytest.raises(Invalid) as refused:
            teams.add_team(session, HUB, "Nobody")
        assert set(refused.value.fields) == {"connection_id", "email"}
        with pytest.raises(Invalid):
            teams.add_team(session, HUB, "Nobody", email="not an address")
        with pytest.raises(Invalid):
            teams.add_team(session, HUB, "Nobody", connection_id=uuid.uuid4())
    with scene.db.write() as session:
        second = teams.add_team(
            session, HUB, "Fibre", email="Fibre2@Elbe.example", kind="supplier", zone="Europe/Berlin"
        )
        assert (second.slug, second.email) == ("fibre-2", "fibre2@elbe.example")
        teams.change_team(session, HUB, second, name="Fibre South", email="fibre2@elbe.example")
        teams.change_team(session, HUB, second, name="Fibre South")
        teams.close_team(session, HUB, second)
    with scene.db.read() as session:
        assert [team.name for team in teams.all_teams(session)] == ["Fibre"]
        assert len(teams.all_teams(session, closed=True)) == 2
        query = select(AuditLine.action).where(AuditLine.object_id == second.id).order_by(AuditLine.id)
        assert list(session.scalars(query)) == ["team.added", "team.changed", "team.closed"]
        assert isinstance(teams.find(session, "fibre-2"), Team)
        with pytest.raises(NotFound):
            teams.find(session, "nope")
