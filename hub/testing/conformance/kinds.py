"""The suite of each kind: what the checks of all kinds do not cover."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import pytest

from hub.plugin.contracts import (
    DirectoryBatch,
    ExternalRef,
    OutcomeUnknown,
    Placed,
    content_hash,
    update_order,
)
from hub.plugin.outward import Outward, Target
from hub.testing.conformance.base import ITEM, MAIL, UPDATE, outward
from hub.testing.conformance.inbound import InboundConformance
from hub.testing.conformance.outbound import OutboundConformance
from hub.testing.peers.recorder import Answer, Request, recorder

Tool = Callable[[Request], Answer]


class MonitoringConformance(InboundConformance, OutboundConformance):
    """For monitoring systems. With `reconcile`, write `far_side` too."""

    def far_side(self) -> Tool:
        """A small imitation of the system, in which the alerts of `payloads` fire."""
        raise NotImplementedError("a connector that reconciles needs far_side()")

    def test_reconciling_names_signals_as_the_webhook_does(self) -> None:
        """Otherwise every signal would exist twice."""
        if "reconcile" not in self.connector.capabilities:
            return
        told = {(s.natural_key, s.episode_start) for body in self.recorded for s in self.parsed(body).signals}
        with recorder(self.far_side()) as peer, outward() as out:
            seen = out.reconcile(self.target(peer.port), "").signals
        assert seen, "far_side() must have something firing"
        assert {(signal.natural_key, signal.episode_start) for signal in seen} <= told

    def test_a_signal_is_told_once_per_body(self) -> None:
        """One body does not say two things about the same signal and moment."""
        for incoming in self.recorded:
            keys = [(s.natural_key, s.episode_start, s.state, s.at) for s in self.parsed(incoming).signals]
            assert len(keys) == len(set(keys))


class ItsmConformance(InboundConformance, OutboundConformance):
    """For ticket tools. `far_side` is a small imitation of the tool that keeps what it is told."""

    def far_side(self) -> Tool:
        """A fresh, empty imitation of the tool: answers the requests that `open`, `find`, `push` and `pull`
        send."""
        raise NotImplementedError("an itsm conformance test writes far_side()")

    def is_write(self, request: Request) -> bool:
        """Whether this request changes something at the far side. Override it where searches are sent by
        POST."""
        return request.method != "GET"

    @contextlib.contextmanager
    def working(self) -> Iterator[tuple[Outward, Target, "_Moody"]]:
        """The connector before a far side that works, until it is told to fail."""
        moody = _Moody(self.far_side(), self.is_write)
        with recorder(moody) as peer, outward() as out:
            yield out, self.target(peer.port), moody

    def test_what_was_opened_is_found(self) -> None:
        """By the delivery id alone, and nothing is found under another."""
        with self.working() as (out, target, _):
            opened = out.open(target, ITEM)
            found = out.find(target, ITEM.delivery_id)
            assert found is not None
            assert found.external_id == opened.external_id
            assert out.find(target, "0192f0c1-never-sent") is None

    def test_a_failure_after_the_save_is_cleared_up(self) -> None:
        """The far side saves and then answers 500: the outcome is unknown, and `find` tells."""
        with self.working() as (out, target, moody):
            moody.fails_after_saving = True
            with pytest.raises(OutcomeUnknown):
                out.open(target, ITEM)
            moody.fails_after_saving = False
            found = out.find(target, ITEM.delivery_id)
            assert found is not None, "the object was saved and find() does not see it"

    def test_a_message_whose_answer_was_lost_is_found(self) -> None:
        """The same for an update on a linked object; find() is told on which."""
        if "push" not in self.connector.capabilities:
            return
        with self.working() as (out, target, moody):
            update = replace(UPDATE, external=out.open(target, ITEM))
            assert out.find(target, update.delivery_id, update.external) is None
            moody.fails_after_saving = True
            with pytest.raises(OutcomeUnknown):
                out.push(target, update)
            moody.fails_after_saving = False
            assert out.find(target, update.delivery_id, update.external) is not None

    def test_our_own_message_comes_back_marked_as_an_echo(self) -> None:
        """By origin and by hash: both are needed to leave it out, and to keep what a human types with our
        login."""
        if not {"push", "pull"} <= self.connector.capabilities:
            return
        with self.working() as (out, target, _):
            opened = out.open(target, ITEM)
            out.push(target, replace(UPDATE, external=opened))
            updates = out.pull(target, "").updates
            echoes = [update for update in updates if UPDATE.text in update.text]
            assert echoes, "pull() from the beginning must bring the message that push() wrote"
            for update in echoes:
                assert update.by_us or update.delivery_id == UPDATE.delivery_id, update
                assert update.origin_hash == content_hash(UPDATE.text), update
                assert update.external_id == opened.external_id

    def test_a_pull_can_be_repeated_and_goes_on(self) -> None:
        """The same cursor brings the same updates with the same ids, oldest first; the new cursor brings no
        more."""
        if not {"push", "pull"} <= self.connector.capabilities:
            return
        with self.working() as (out, target, _):
            opened = out.open(target, ITEM)
            out.push(target, replace(UPDATE, external=opened))
            first, again = out.pull(target, ""), out.pull(target, "")
            keys = [(update.external_id, update.update_id, update.kind) for update in first.updates]
            assert keys == [(update.external_id, update.update_id, update.kind) for update in again.updates]
            assert len(keys) == len(set(keys))
            order = [update_order(update.update_id) for update in first.updates]
            assert order == sorted(order)
            assert first.cursor


@dataclass(slots=True)
class _Moody:
    """A tool that can be told to save and then fail."""

    tool: Tool
    is_write: Callable[[Request], bool]
    fails_after_saving: bool = False

    def __call__(self, request: Request) -> Answer:
        answer = self.tool(request)
        return Answer(500, b"oops") if self.fails_after_saving and self.is_write(request) else answer


class CrmConformance(InboundConformance, OutboundConformance):
    """For directories. `settings` (with `speaks = "nothing"`) or `far_side` holds a few records."""

    def far_side(self) -> Tool:
        """A small imitation of the CRM with a few records, where `speaks` is "http"."""
        raise NotImplementedError("a crm conformance test writes far_side(), or speaks nothing")

    def read(self) -> DirectoryBatch:
        """One reading from the beginning."""
        with contextlib.ExitStack() as stack:
            port = 9 if self.speaks == "nothing" else stack.enter_context(recorder(self.far_side())).port
            return stack.enter_context(outward()).accounts(self.target(port), "")

    def test_two_readings_are_equal(self) -> None:
        """What did not change at the source does not change in the hub."""
        batch = self.read()
        assert batch.accounts
        assert batch == self.read()

    def test_ids_are_unique_and_lead_somewhere(self) -> None:
        """A record that points at something missing is a problem of the source, and is told as one."""
        batch = self.read()
        for records in (batch.accounts, batch.sites, batch.services, batch.people):
            ids = [record.external_id for record in records]
            assert len(ids) == len(set(ids))
        if not batch.complete:
            return
        accounts = {account.external_id for account in batch.accounts}
        owners = {record.account_id for record in batch.sites}
        owners |= {record.account_id for record in batch.services}
        owners |= {person.account_id for person in batch.people}
        assert owners <= accounts
        assert {account.parent_id for account in batch.accounts} <= accounts | {""}


class ProviderConformance(InboundConformance, OutboundConformance):
    """For teams without a ticket tool. Where `speaks` is "http", write `far_side`."""

    def far_side(self) -> Tool:
        """A small imitation of the provider's end, where `speaks` is "http"."""
        raise NotImplementedError("a provider conformance test writes far_side(), or speaks nothing")

    def place(self, times: int = 1) -> list[Placed]:
        """Place the same order so many times."""
        with contextlib.ExitStack() as stack:
            port = 9 if self.speaks == "nothing" else stack.enter_context(recorder(self.far_side())).port
            out = stack.enter_context(outward())
            return [out.place(self.target(port), ITEM) for _ in range(times)]

    def test_an_order_is_placed_or_a_message_is_returned(self) -> None:
        """A message names its recipients and the order's number, and has a subject on one line."""
        [placed] = self.place()
        assert isinstance(placed.external, ExternalRef) or placed.message is not None
        if placed.message is not None:
            assert placed.message.to
            assert ITEM.reference in placed.message.subject + placed.message.text
            assert ITEM.text in placed.message.text
            assert "\n" not in placed.message.subject

    def test_placing_it_again_changes_nothing(self) -> None:
        """The delivery id is the idempotency key."""
        first, again = self.place(times=2)
        assert first == again


@dataclass(frozen=True, slots=True)
class Sink:
    """Where a channel's messages arrive: the port, and what has arrived so far, as text."""

    port: int
    received: Callable[[], list[str]]


class ChannelConformance(InboundConformance, OutboundConformance):
    """For channels that carry messages. Write `sink` for `send`."""

    def sink(self, refuse: frozenset[str] = frozenset()) -> AbstractContextManager[Sink]:
        """A next hop that takes messages, but refuses these recipients."""
        raise NotImplementedError("a channel that sends needs sink()")

    def test_the_receipt_names_every_recipient(self) -> None:
        """Also when one of them is refused: the others get theirs, and exactly once."""
        if "send" not in self.connector.capabilities:
            return
        good, bad = MAIL.to
        for refused in (frozenset[str](), frozenset({bad})):
            with self.sink(refused) as sink, outward() as out:
                receipt = out.send(self.target(sink.port), MAIL)
                assert {address for address, _ in receipt.refused} == refused
                assert set(receipt.accepted) == {good, bad} - refused
                assert any(MAIL.subject in message for message in sink.received())

    def test_a_repeat_carries_the_same_id(self) -> None:
        """So that a mailbox which gets it twice shows it once."""
        if "send" not in self.connector.capabilities:
            return
        with self.sink() as sink, outward() as out:
            for _ in range(2):
                out.send(self.target(sink.port), MAIL)
            assert all(MAIL.message_id in message for message in sink.received())
