"""The customer tells something once and can watch it being handled."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import case_scene
import pytest
from case_scene import Scene

from hub.base import clock
from hub.base.errors import Conflict, Forbidden, Invalid, NotFound
from hub.domain import cases, reading
from hub.domain.attachments import Attachment, Files, Upload
from hub.domain.cases import Case
from hub.domain.outbox import Delivery
from hub.flows import desk, portal
from hub.flows.portal import Report
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock


@pytest.fixture
def scene(hub: Hub, moving_clock: MovingClock) -> Scene:
    return case_scene.build(hub.db)


def report(scene: Scene, who: str = "Rolf Voss", **more: Any) -> Case:
    key = more.pop("form_key", None)
    files = more.pop("files", Files())
    told = Report(**{"title": "Kiel is down", "text": "Nothing works since ten", **more})
    with scene.db.read() as session:
        nordwind = scene.account(session)  # also for a stranger, whose own transaction could not read it
    with scene.acting(who) as (session, viewer):
        return portal.report(session, viewer, nordwind, told, files=files, form_key=key)


def found(session: Any, viewer: Any, case: Case) -> Case:
    return cases.find(session, viewer, "customer", case.number)


def answer(scene: Scene, who: str, case: Case, text: str, **more: Any) -> Case:
    with scene.acting(who) as (session, viewer):
        return portal.answer(session, viewer, found(session, viewer, case), text, **more)


def solved(scene: Scene, case: Case) -> None:
    with scene.acting("Jonas Weber") as (session, viewer):
        desk.resolve_case(session, viewer, session.get_one(Case, (case.account_id, case.id)), "Spliced")


def test_from_a_report_to_the_confirmation(scene: Scene, moving_clock: MovingClock) -> None:
    trace = Files([Upload("../trace.txt", "text/plain", b"hop 1")])
    case = report(
        scene,
        service_id=scene.ids["Kiel uplink"],
        impact="down",
        category="network",
        customer_reference="INC-77",
        files=trace,
    )
    assert (case.priority, case.site_id, case.customer_reference) == (
        "critical",
        scene.ids["Kiel"],
        "INC-77",
    )
    assert case.requester_id == scene.ids["Rolf Voss"]
    assert scene.told() == [("responsible", "case-opened"), ("customers", "case-shared")]
    (kept,) = scene.all(Attachment)
    assert (kept.name, kept.audience, kept.case_id) == ("trace.txt", "customer", case.id)

    with scene.acting("Jonas Weber") as (session, viewer):
        ours = session.get_one(Case, (case.account_id, case.id))
        desk.publish_to_customer(
            session,
            viewer,
            ours,
            "May we restart the router?",
            next_step="You tell us",
            next_update_by=clock.now() + timedelta(hours=1),
            asks=True,
        )
    answer(scene, "Rolf Voss", case, "Yes, go on")
    assert scene.case(case.id).state == "in_progress"
    assert scene.told()[-1] == ("responsible", "case-wrote")

    solved(scene, case)
    with scene.acting("Rolf Voss") as (session, viewer):
        portal.confirm(session, viewer, found(session, viewer, case), "Thank you")
    now = scene.case(case.id)
    assert now.state == "closed"
    assert scene.told()[-2:] == [("customers", "confirmed"), ("responsible", "confirmed")]
    authors = {row.body["author_id"] for row in scene.all(Delivery, Delivery.kind == "tell")}
    assert authors == {str(scene.ids["Rolf Voss"]), str(scene.ids["Jonas Weber"])}

    with scene.acting("Ada Petersen") as (session, _viewer):
        page = reading.page(session, case.account_id, reading.View("customer", "en", case_id=case.id))
    assert [line.kind for line in reversed(page.lines)] == [
        "case.reported",
        "message.published",
        "case.state",
        "message.customer",
        "case.resolved",
        "case.confirmed",
    ]


def test_thanks_do_not_reopen_but_a_word_does(scene: Scene) -> None:
    case = report(scene)
    solved(scene, case)
    answer(scene, "Rolf Voss", case, "Thanks!")
    assert scene.case(case.id).state == "resolved"
    answer(scene, "Rolf Voss", case, "It is down again", reopens=True)
    assert scene.case(case.id).state == "in_progress"
    assert [event for _, event in scene.told()][-2:] == ["case-wrote", "reopened"]
    solved(scene, case)
    with scene.acting("Rolf Voss") as (session, viewer):
        portal.reopen(session, viewer, found(session, viewer, case), "And again")
    assert scene.case(case.id).reopened == 2


def test_writing_after_the_end_opens_a_case_that_both_sides_are_told_of(
    scene: Scene, moving_clock: MovingClock
) -> None:
    case = report(scene)
    solved(scene, case)
    moving_clock.forward(cases.GRACE)
    with scene.acting("Rolf Voss") as (session, viewer), pytest.raises(Conflict):
        portal.reopen(session, viewer, found(session, viewer, case), "And again")
    before = len(scene.told())
    files = Files([Upload("b.txt", "text/plain", b"b")])
    new = answer(scene, "Rolf Voss", case, "Down again", files=files)
    assert (new.follows_id, new.number) == (case.id, "NORD-10002")
    assert scene.told()[before:] == [("responsible", "case-opened"), ("customers", "case-shared")]
    assert [each.case_id for each in scene.all(Attachment)] == [new.id]
    assert answer(scene, "Rolf Voss", case, "Hello?").id == new.id
    assert scene.told()[-1] == ("responsible", "case-wrote")


def test_a_double_click_reports_once(scene: Scene) -> None:
    start, made = threading.Barrier(4), list[uuid.UUID]()

    def submit() -> None:
        start.wait()
        made.append(report(scene, form_key="k").id)

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
    assert len(scene.all(Case)) == 1
    assert scene.told() == [("responsible", "case-opened"), ("customers", "case-shared")]
    assert report(scene, "Ines Brandt", form_key="k").id not in made


def test_the_same_key_on_another_form_keeps_other_words(scene: Scene) -> None:
    first, second = report(scene, form_key="k"), report(scene)
    for case in (first, second, first):
        assert answer(scene, "Rolf Voss", case, "More", form_key="k").id == case.id
    assert [scene.kinds(case.id).count("message.customer") for case in (first, second)] == [1, 1]


def test_an_answer_sent_twice_is_kept_once(scene: Scene) -> None:
    case = report(scene)
    for _ in range(2):
        assert answer(scene, "Rolf Voss", case, "More", form_key="k").id == case.id
    assert scene.kinds(case.id).count("message.customer") == 1


@pytest.mark.parametrize("who", ["Vera Sand", "Bea Geld"])
def test_those_who_only_read_may_not_speak(scene: Scene, who: str) -> None:
    with pytest.raises(Forbidden):
        report(scene, who)
    case = report(scene)
    solved(scene, case)
    if who == "Vera Sand":
        with scene.acting(who) as (session, viewer):
            theirs = found(session, viewer, case)
            for verb in (portal.answer, portal.reopen, portal.confirm):
                with pytest.raises(Forbidden):
                    verb(session, viewer, theirs, "Hello")
    assert scene.case(case.id).state == "resolved"


def test_what_is_anothers_does_not_exist(scene: Scene) -> None:
    case = report(scene)
    for who in ("Zoe Berg", "Ines Brandt", "Tim Kiel"):
        with pytest.raises(NotFound):
            answer(scene, who, case, "Hello")
    with pytest.raises(NotFound):
        report(scene, "Zoe Berg")


def test_a_limited_member_reports_on_their_places_and_sees_their_own(scene: Scene) -> None:
    with pytest.raises(Invalid) as refused:
        report(scene, "Tim Kiel", service_id=scene.ids["Bremen uplink"])
    assert list(refused.value.fields) == ["service_id"]
    report(scene, "Tim Kiel", service_id=scene.ids["Kiel uplink"])
    wide = report(scene, "Tim Kiel")
    answer(scene, "Tim Kiel", wide, "It is about the contract")


@pytest.mark.parametrize(
    ("field", "more"),
    [
        ("impact", {"impact": "apocalypse"}),
        ("case_type", {"case_type": "planned_work"}),
        ("title", {"title": ""}),
        ("text", {"text": " "}),
        ("service_id", {"service_id": uuid.uuid4()}),
    ],
)
def test_a_report_that_cannot_be_is_refused_by_field(scene: Scene, field: str, more: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refused:
        report(scene, **more)
    assert list(refused.value.fields) == [field]
    assert scene.all(Case) == []


def test_a_portal_admin_lets_a_colleague_follow(scene: Scene) -> None:
    case = report(scene, "Ines Brandt")
    with scene.acting("Ada Petersen") as (session, viewer):
        portal.watch(session, viewer, found(session, viewer, case), scene.ids["Rolf Voss"])
    answer(scene, "Rolf Voss", case, "Here too")
    with scene.acting("Rolf Voss") as (session, viewer):
        theirs = found(session, viewer, case)
        with pytest.raises(Forbidden):
            portal.watch(session, viewer, theirs, scene.ids["Vera Sand"])
        portal.watch(session, viewer, theirs, watches=False)
    with pytest.raises(NotFound):
        answer(scene, "Rolf Voss", case, "Hello?")
