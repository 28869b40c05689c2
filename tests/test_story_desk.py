"""The account contact does everything from the desk, and everyone who should know is told once."""

import threading
from datetime import timedelta
from typing import Any

import case_scene
import pytest
from case_scene import Scene
from sqlalchemy import select

from hub.base import clock
from hub.base.errors import Conflict, Forbidden, Invalid, NotFound
from hub.domain import cases, workorders
from hub.domain.attachments import Attachment, Files, Upload
from hub.domain.audit import Actor
from hub.domain.cases import Case, NewCase
from hub.domain.outbox import Delivery
from hub.domain.workorders import WorkOrder
from hub.flows import desk
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock

RT = Actor("connection", "Request Tracker")
SOON = timedelta(hours=2)


@pytest.fixture
def scene(hub: Hub, moving_clock: MovingClock) -> Scene:
    return case_scene.build(hub.db)


def open_case(scene: Scene, who: str = "Jonas Weber", *, share: bool = False, **more: Any) -> Case:
    with scene.acting(who) as (session, viewer):
        new = NewCase(title="Packet loss", customer_title="Slow line", **more)
        return desk.open_case(session, viewer, scene.account(session), new, share=share)


def again(session: Any, case: Case) -> Case:
    return session.get_one(Case, (case.account_id, case.id))  # type: ignore[no-any-return]


def test_from_a_fault_to_the_solution(scene: Scene, moving_clock: MovingClock) -> None:
    case = open_case(scene, "Mila Novak", service_id=scene.ids["Kiel uplink"])
    assert scene.told() == [("responsible", "case-opened")]

    with scene.acting("Jonas Weber") as (session, viewer):
        team = case_scene.team(session, scene)
        order = desk.place_order(session, viewer, again(session, case), team, "Splice", "At km 4")
    assert scene.case(case.id).state == "in_progress"
    assert scene.entries(case.id, "customer") == []

    with scene.db.write() as session:
        there = session.get_one(WorkOrder, (order.account_id, order.id))
        desk.order_changed(session, RT, there, "in_progress", "open", True)
        said = desk.order_said(session, RT, there, "Kim Roth", "A digger cut it. Three hours.")
        desk.order_said(session, RT, there, "Kim Roth", "who has the key", "staff")
    assert scene.told("order-said") == [("responsible", "order-said")]

    with scene.acting("Jonas Weber") as (session, viewer):
        desk.publish_to_customer(
            session,
            viewer,
            again(session, case),
            "A digger has cut the fibre.",
            next_step="We splice it",
            next_update_by=clock.now() + SOON,
            customer_title="Kiel is down",
            source_seq=said,
        )
    assert scene.told()[-1] == ("customers", "published")
    assert scene.told("case-shared") == []  # one mail for one act
    assert scene.kinds(case.id, "customer") == ["case.shared", "message.published"]
    published = scene.entries(case.id)[-1]
    assert published.source_seq == said
    assert published.actor_name == case_scene.REACH

    moving_clock.forward(SOON)
    with scene.acting("Jonas Weber") as (session, viewer):
        desk.resolve_case(session, viewer, again(session, case), "The fibre is spliced.", cancel_orders=True)
    assert scene.told()[-1] == ("customers", "resolved")
    assert scene.case(case.id).state == "resolved"


def test_whoever_did_it_is_named_so_that_they_are_not_told(scene: Scene) -> None:
    case = open_case(scene, share=True)
    with scene.acting("Jonas Weber") as (session, viewer):
        desk.set_handler(session, viewer, again(session, case), scene.ids["Mila Novak"])
        desk.cancel_case(session, viewer, again(session, case), "twin")
    tells = scene.all(Delivery, Delivery.kind == "tell")
    assert {row.body["author_id"] for row in tells} == {str(scene.ids["Jonas Weber"])}
    assert scene.told() == [
        ("responsible", "case-opened"),
        ("customers", "case-shared"),
        ("person", "handler"),
        ("customers", "cancelled"),
    ]
    (person,) = [row for row in tells if row.body["audience"] == "person"]
    assert person.body["person_id"] == str(scene.ids["Mila Novak"])


def test_the_handler_is_told_what_a_team_says_where_there_is_one(scene: Scene) -> None:
    case = open_case(scene)
    with scene.acting("Jonas Weber") as (session, viewer):
        desk.set_handler(session, viewer, again(session, case), scene.ids["Mila Novak"])
        team = case_scene.team(session, scene)
        order = desk.place_order(session, viewer, again(session, case), team, "Splice", "At km 4")
        desk.say_to_team(session, viewer, order, "How long?")
    with scene.db.write() as session:
        there = session.get_one(WorkOrder, (order.account_id, order.id))
        desk.order_said(session, RT, there, "Kim", "Two hours")
        desk.order_changed(session, RT, there, "question", "stalled", True)
        desk.order_changed(session, RT, there, "question", "stalled", True)
        desk.order_changed(session, RT, there, None, "weird", False)
        desk.order_changed(session, RT, there, "in_progress", "open", True)
    assert scene.told()[2:] == [
        ("handler", "order-said"),
        ("handler", "order-state"),
        ("handler", "order-state"),
    ]


def test_an_unshared_case_asks_for_a_title_before_anything_is_published(scene: Scene) -> None:
    case = open_case(scene)
    with scene.acting("Jonas Weber") as (session, viewer), pytest.raises(Conflict, match="Give it a title"):
        desk.publish_to_customer(
            session, viewer, again(session, case), "Hi", next_step="x", next_update_by=clock.now() + SOON
        )
    # A refused text leaves nothing behind: not even the sharing that came before it.
    with pytest.raises(Invalid), scene.acting("Jonas Weber") as (session, viewer):
        desk.publish_to_customer(session, viewer, again(session, case), "Hi", customer_title="Slow line")
    assert not scene.case(case.id).is_shared
    assert scene.entries(case.id, "customer") == []


def _viewer(scene: Scene, name: str) -> Any:
    with scene.acting(name) as (_session, viewer):
        return viewer


def test_asking_the_customer_waits_for_them(scene: Scene) -> None:
    case = open_case(scene, share=True)
    with scene.acting("Jonas Weber") as (session, viewer):
        desk.publish_to_customer(
            session,
            viewer,
            again(session, case),
            "May we restart it?",
            next_step="You tell us",
            next_update_by=clock.now() + SOON,
            asks=True,
        )
    now = scene.case(case.id)
    assert (now.state, now.wait_reason) == ("waiting", "customer")


def test_every_form_has_one_effect_however_often_it_is_sent(scene: Scene) -> None:
    case = open_case(scene, share=True)
    files = Files([Upload("trace.txt", "text/plain", b"hop")])

    def all_forms() -> list[Any]:
        with scene.acting("Jonas Weber") as (session, viewer):
            there = again(session, case)
            account, team = scene.account(session), case_scene.team(session, scene)
            by = clock.now() + SOON
            return [
                desk.open_case(session, viewer, account, NewCase(title="B"), form_key="k").id,
                desk.note(session, viewer, there, "hm", files=files, form_key="k"),
                desk.note_account(session, viewer, account, "They move in May.", form_key="k"),
                desk.log_call(session, viewer, there, "Rolf Voss", "ok", form_key="k"),
                desk.publish_to_customer(
                    session, viewer, there, "Hi", next_step="x", next_update_by=by, files=files, form_key="k"
                ),
                desk.place_order(session, viewer, there, team, "Splice", "km 4", form_key="k").id,
            ]

    first = all_forms()
    assert len(set(first)) == len(first)  # not even a key that two forms share makes one of the other
    counts = [len(scene.all(table)) for table in (Case, WorkOrder, Attachment, Delivery)]
    entries = len(scene.entries())
    assert all_forms() == first
    assert [len(scene.all(table)) for table in (Case, WorkOrder, Attachment, Delivery)] == counts
    assert len(scene.entries()) == entries


def test_two_submits_at_the_same_instant_have_one_effect(scene: Scene) -> None:
    case, start, seqs = open_case(scene), threading.Barrier(4), list[int]()

    def submit() -> None:
        start.wait()
        with scene.acting("Jonas Weber") as (session, viewer):
            seqs.append(desk.note(session, viewer, again(session, case), "once", form_key="k"))

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seqs) == 4
    assert len(set(seqs)) == 1
    assert scene.kinds(case.id).count("message.note") == 1


def test_files_have_the_audience_of_their_entry(scene: Scene) -> None:
    case = open_case(scene, share=True)
    with scene.acting("Jonas Weber") as (session, viewer):
        there, by = again(session, case), clock.now() + SOON
        ours = desk.note(
            session, viewer, there, "our trace", files=Files([Upload("a.txt", "text/plain", b"a")])
        )
        theirs = desk.publish_to_customer(
            session,
            viewer,
            there,
            "Your report",
            next_step="x",
            next_update_by=by,
            files=Files([Upload("b.txt", "text/plain", b"b")]),
        )
    with scene.acting("Jonas Weber") as (session, _staff):
        files = session.scalars(select(Attachment).order_by(Attachment.entry_seq)).all()
        assert [(file.entry_seq, file.audience) for file in files] == [(ours, "staff"), (theirs, "customer")]
        kept = {file.audience: file.id for file in files}
    with scene.acting("Ada Petersen") as (session, ada):
        seen = cases.attachment(session, ada, "customer", case.account_id, kept["customer"])
        assert seen.name == "b.txt"
        with pytest.raises(NotFound):
            cases.attachment(session, ada, "customer", case.account_id, kept["staff"])


def test_an_auditor_reads_and_customers_are_no_staff(scene: Scene) -> None:
    case = open_case(scene)
    with scene.acting("Otto Lang") as (session, viewer):
        assert cases.find(session, viewer, "staff", case.number).id == case.id
        with pytest.raises(Forbidden):
            desk.note(session, viewer, again(session, case), "hm")
    viewer = _viewer(scene, "Ada Petersen")
    with scene.db.write() as session, pytest.raises(Forbidden):
        desk.note(session, viewer, again(session, case), "hm")


def test_a_restricted_account_does_not_exist_for_those_not_assigned(scene: Scene) -> None:
    case = open_case(scene)
    with scene.db.write() as session:
        scene.account(session).restricted = True
    viewer = _viewer(scene, "Mila Novak")
    with scene.db.write() as session, pytest.raises(NotFound):
        desk.note(session, viewer, again(session, case), "hm")


def test_of_us_who_are_not_assigned_customers_learn_no_name(scene: Scene) -> None:
    case = open_case(scene, share=True)
    with scene.db.write() as session:
        scene.account(session).language = "de"
    with scene.acting("Mila Novak") as (session, viewer):
        desk.publish_to_customer(
            session, viewer, again(session, case), "Hi", next_step="x", next_update_by=clock.now() + SOON
        )
    entry = scene.entries(case.id)[-1]
    assert "Mila" not in entry.actor_name + entry.sentence + str(entry.data)
    assert entry.actor_name
    assert entry.actor_id == scene.ids["Mila Novak"]  # we know who it was


@pytest.mark.parametrize("end", ["done", "cancelled by us"])
def test_a_quiet_case_resolves_with_its_last_order(scene: Scene, end: str) -> None:
    case = open_case(scene)
    with scene.db.write() as session:
        again(session, case).correlation_key = "an alert opened it"
    with scene.acting("Jonas Weber") as (session, viewer):
        team = case_scene.team(session, scene)
        orders = [
            desk.place_order(session, viewer, again(session, case), team, title, "km 4")
            for title in ("Splice", "Measure")
        ]
    with scene.db.write() as session:
        first = session.get_one(WorkOrder, (case.account_id, orders[0].id))
        desk.order_changed(session, RT, first, "done", "resolved", True)
    assert scene.case(case.id).state == "in_progress"
    with scene.acting("Jonas Weber") as (session, viewer):
        last = workorders.find(session, viewer, orders[1].number)
        if end == "done":
            desk.order_changed(session, RT, last, "done", "resolved", True)
        else:
            desk.cancel_order(session, viewer, last, "not needed")
    assert scene.case(case.id).state == "closed"


def test_a_confirmation_passed_on_is_told_to_those_asked_and_to_who_worked_on_it(scene: Scene) -> None:
    case = open_case(scene, share=True)
    with scene.acting("Jonas Weber") as (session, viewer):
        desk.set_handler(session, viewer, again(session, case), scene.ids["Mila Novak"])
        desk.resolve_case(session, viewer, again(session, case), "Spliced.")
    before = len(scene.told())
    with scene.acting("Jonas Weber") as (session, viewer):
        desk.confirm_case(session, viewer, again(session, case))
    assert scene.told()[before:] == [("customers", "confirmed"), ("handler", "confirmed")]
    assert scene.case(case.id).state == "closed"
    told = scene.all(Delivery, Delivery.kind == "tell")[-2:]
    assert {row.body["author_id"] for row in told} == {str(scene.ids["Jonas Weber"])}


def test_customers_hear_nothing_of_a_case_they_do_not_know(scene: Scene) -> None:
    case = open_case(scene)
    with scene.db.write() as session:
        again(session, case).state = "resolved"
    with scene.acting("Mila Novak") as (session, viewer):
        desk.confirm_case(session, viewer, again(session, case))
    assert scene.told("confirmed") == [("responsible", "confirmed")]


def test_a_note_may_be_about_the_account_as_a_whole(scene: Scene) -> None:
    files = Files([Upload("contract.txt", "text/plain", b"a")])
    for _ in range(2):
        with scene.acting("Mila Novak") as (session, viewer):
            account = scene.account(session)
            seq = desk.note_account(session, viewer, account, "They move in May.", files=files, form_key="k9")
    (note,) = [entry for entry in scene.entries() if entry.kind == "message.note"]
    assert (note.seq, note.audience, note.case_id, note.body) == (seq, "staff", None, "They move in May.")
    (kept,) = scene.all(Attachment)
    assert (kept.entry_seq, kept.audience, kept.case_id) == (seq, "staff", None)
    with scene.acting("Otto Lang") as (session, viewer), pytest.raises(Forbidden):
        desk.note_account(session, viewer, scene.account(session), "hm")
    with scene.acting("Mila Novak") as (session, viewer), pytest.raises(Invalid):
        desk.note_account(session, viewer, scene.account(session), "  ")
