"""What is said about a case, and to whom."""

from collections.abc import Callable
from typing import Any

import case_scene
import pytest
from case_scene import SOON, WAYS, Scene, do, do_as, opened, reported, rolf

from hub.base import clock
from hub.base.errors import Conflict, Invalid
from hub.domain import cases
from hub.domain.audit import Actor
from hub.domain.cases import Written
from hub.domain.cases.once import bound
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock


@pytest.fixture
def scene(hub: Hub, moving_clock: MovingClock) -> Scene:
    return case_scene.build(hub.db)


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


def test_a_word_on_a_solved_case_needs_no_next_step(scene: Scene) -> None:
    case = opened(scene, shared=True)
    do(scene, case, cases.resolve, "It works again")
    assert (scene.case(case).state, scene.case(case).solution) == ("resolved", "It works again")
    do(scene, case, cases.publish, "It was a splice")
    assert scene.case(case).state == "resolved"


def test_nothing_is_published_on_a_case_that_the_customer_does_not_know(scene: Scene) -> None:
    case = opened(scene)
    with pytest.raises(Conflict, match="Share it"):
        do(scene, case, cases.publish, "Hello", next_step="x", next_update_by=clock.now() + SOON)
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
    ada = Actor("customer", "Ada Petersen", scene.ids["Ada Petersen"])
    other: Written = do_as(scene, ada, old, cases.customer_wrote, "I wonder")
    assert (other.case.number, other.opened) == ("NORD-10003", True)  # Rolf's may be none of hers


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


def test_a_form_key_is_its_senders_own(scene: Scene) -> None:
    account = scene.ids["nordwind"]
    key = bound("note", account, "k1")
    with scene.db.write() as session:
        assert cases.seen(session, account, scene.ids["Rolf Voss"], key) is None
        cases.remember(session, account, scene.ids["Rolf Voss"], key, account, 7)
    with scene.db.write() as session:
        assert cases.seen(session, account, scene.ids["Rolf Voss"], bound("note", account, "")) is None
        assert cases.seen(session, account, scene.ids["Ines Brandt"], key) is None
        first = cases.seen(session, account, scene.ids["Rolf Voss"], key)
        assert first is not None
        assert first.seq == 7
