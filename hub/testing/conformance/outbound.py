"""What every connector that speaks to the world must stand: silence, refusal, rubbish, failure, and no
leak."""

import contextlib
import logging
from collections.abc import Iterator

import pytest

from hub.plugin.contracts import AuthFailed, ConnectorError, OutcomeUnknown, PluginBroken, RetryLater
from hub.plugin.outward import Outward, Target
from hub.testing.conformance.base import SENTINEL, SHORT, WRITTEN, Call, Conformance, outward
from hub.testing.conformance.far_sides import RUBBISH, FarSide, answering, babbling, silent
from hub.testing.peers.process import free_port


class OutboundConformance(Conformance):
    """Checks of all methods that take a `ctx`; they pass at once for a connector that speaks to nobody."""

    @contextlib.contextmanager
    def refusing(self, capability: str) -> Iterator[FarSide]:
        """A far side that refuses the credentials of this call. The default is HTTP 401 for every request; a
        connector that speaks by sockets of its own overrides it."""
        assert self.speaks == "http", f"override refusing() for {capability}"
        with answering(401) as side:
            yield side

    @contextlib.contextmanager
    def talking_rubbish(self) -> Iterator[Iterator[FarSide]]:
        """Far sides whose answers make no sense, one after the other."""
        with contextlib.ExitStack() as stack:
            if self.speaks == "http":
                yield (stack.enter_context(answering(200, body)) for body in RUBBISH)
            else:
                yield iter([stack.enter_context(babbling())])

    def test_silence_ends_within_the_deadline_and_is_told_apart(self) -> None:
        """RetryLater only where nothing of the content had been sent; OutcomeUnknown where it might have
        arrived."""
        for capability, call in self.outward_calls():
            with silent() as side, outward(SHORT) as out:
                error = _error_of(call, out, self.target(side.port))
                assert isinstance(error, RetryLater | OutcomeUnknown), f"{capability}: {error!r}"
                assert not any(line.hung for line in out.health()), f"{capability} outlived its deadline"
                self._is_honest(capability, error, side)

    def _is_honest(self, capability: str, error: ConnectorError, side: FarSide) -> None:
        if side.has_heard(WRITTEN):
            assert isinstance(error, OutcomeUnknown), f"{capability} was sent and may have arrived: {error!r}"

    def test_refused_credentials_are_told(self) -> None:
        """AuthFailed, so that the hub stops knocking and an admin looks."""
        for capability, call in self.outward_calls():
            with self.refusing(capability) as side:
                error = self._error(call, side)
                assert isinstance(error, AuthFailed), f"{capability}: {error!r}"

    def test_rubbish_in_an_answer_is_a_clean_error(self) -> None:
        """Or a sound answer, where the connector needs nothing of it; never a stray exception."""
        for capability, call in self.outward_calls():
            with self.talking_rubbish() as sides:
                for number, side in enumerate(sides):
                    error = self._error(call, side)
                    assert not isinstance(error, PluginBroken), f"{capability}, rubbish {number}: {error!r}"

    def test_a_failing_server_leaves_the_outcome_of_a_write_open(self) -> None:
        """A 500 may come after the save: OutcomeUnknown. Reading may simply be tried again."""
        if self.speaks != "http":
            return
        for capability, call in self.outward_calls():
            with answering(500) as side:
                error = self._error(call, side)
                assert isinstance(error, RetryLater | OutcomeUnknown), f"{capability}: {error!r}"
                self._is_honest(capability, error, side)

    def test_no_call_says_or_logs_a_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        """Looked for before the hub scrubs: in exceptions with their causes, in `ctx.log`, in every logger at
        DEBUG."""
        caplog.set_level(logging.DEBUG)
        for capability, _ in self.outward_calls():
            with contextlib.ExitStack() as stack:
                ports = [stack.enter_context(self.refusing(capability)).port]
                ports += [side.port for side in stack.enter_context(self.talking_rubbish())]
                ports += [stack.enter_context(silent()).port, free_port()]
                for port in ports:
                    assert SENTINEL not in self.attempt(capability, port).written(), capability
        assert SENTINEL not in caplog.text

    def _error(self, call: Call, side: FarSide) -> ConnectorError | None:
        with outward() as out:
            return _error_of(call, out, self.target(side.port))


def _error_of(call: Call, out: Outward, target: Target) -> ConnectorError | None:
    try:
        call(out, target)
    except ConnectorError as error:
        return error
    return None
