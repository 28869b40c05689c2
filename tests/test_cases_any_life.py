"""One case through any sequence of verbs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import case_scene
from case_scene import ENDED, SOON, Scene, do_as, jonas, opened, reported, rolf
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.base import clock
from hub.base.errors import Conflict
from hub.domain import cases
from hub.domain.audit import Actor
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock


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
