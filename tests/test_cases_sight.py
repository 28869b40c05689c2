"""Who sees which case and which file."""

import uuid

import case_scene
import pytest
from case_scene import Scene, do, opened, reported
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hub.base.errors import Conflict, Invalid, NotFound
from hub.domain import attachments, cases
from hub.domain.attachments import Files, Upload
from hub.domain.cases import Case
from hub.domain.timeline import Entry
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock


@pytest.fixture
def scene(hub: Hub, moving_clock: MovingClock) -> Scene:
    return case_scene.build(hub.db)


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


def test_what_one_requester_follows_is_no_others(scene: Scene) -> None:
    followed = reported(scene, "Ada Petersen")
    do(scene, followed, cases.watch, scene.ids["Rolf Voss"])
    number = scene.case(followed).number
    with scene.acting("Rolf Voss") as (session, viewer):
        assert cases.find(session, viewer, "customer", number).id == followed
    with scene.acting("Ines Brandt") as (session, viewer), pytest.raises(NotFound):
        cases.find(session, viewer, "customer", number)


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
