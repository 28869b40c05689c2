"""The suites pass sound connectors of every kind, and find each fault that they are there to find."""

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import plugin_samples as samples
import pytest
import test_plugin_guide as guide
from pydantic import BaseModel

from hub.plugin.contracts import Connector, Incoming, ItemUpdate, Pulled, Rejected, RetryLater
from hub.testing.conformance import (
    SENTINEL,
    ChannelConformance,
    CrmConformance,
    FarSide,
    MonitoringConformance,
    ProviderConformance,
    Sink,
    Tool,
    tcp,
)
from hub.testing.peers.recorder import Answer
from hub.testing.peers.smtp_sink import smtp_sink

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALERTS: list[dict[str, Any]] = [
    {"id": "fra1-link", "since": "2026-11-24T11:00:00Z"},
    {"id": "fra1-fan", "since": "2026-11-24T10:00:00+02:00", "until": "2026-11-24T11:30:00Z"},
]


def webhook(*probes: dict[str, Any]) -> Incoming:
    headers = {"authorization": f"Bearer {SENTINEL}"}
    return Incoming("POST", "", headers, {}, json.dumps(probes).encode(), NOON)


class MonitorSuite(MonitoringConformance):
    connector: ClassVar[Connector[Any]] = samples.Monitor()
    payloads = (webhook(*ALERTS), webhook(ALERTS[0]), webhook(ALERTS[1], {"odd": 1}))

    def settings(self, host: str, port: int) -> BaseModel:
        return samples.MonitorSettings(url=f"http://{host}:{port}/", token=SENTINEL)

    def far_side(self) -> Tool:
        return lambda _: Answer(200, json.dumps(ALERTS[:1]).encode())


class TestASoundMonitor(MonitorSuite):
    """Passes whole."""


class TestASoundDirectory(CrmConformance):
    connector = samples.Folder()
    speaks = "nothing"

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.file = tmp_path / "accounts.csv"
        self.file.write_text("1;Acme\n2;Nordwind\n")

    def settings(self, host: str, port: int) -> BaseModel:
        return samples.FolderSettings(file=self.file)


class TestASoundProvider(ProviderConformance):
    connector = samples.Desk()
    speaks = "nothing"

    def settings(self, host: str, port: int) -> BaseModel:
        return samples.DeskSettings(address="noc@provider.example")


class MailSuite(ChannelConformance):
    connector: ClassVar[Connector[Any]] = samples.Smtp()
    speaks = "tcp"

    def settings(self, host: str, port: int) -> BaseModel:
        return samples.SmtpSettings(host=host, port=port, password=SENTINEL)

    @contextlib.contextmanager
    def sink(self, refuse: frozenset[str] = frozenset()) -> Iterator[Sink]:
        with smtp_sink() as server:
            for address in refuse:
                server.refuse(address)
            yield Sink(server.port, lambda: [message.raw.decode() for message in server.received])

    @contextlib.contextmanager
    def refusing(self, capability: str) -> Iterator[FarSide]:
        with tcp(
            b"220 hi\r\n", b"250-hi\r\n250 AUTH PLAIN\r\n", b"535 5.7.8 wrong\r\n", b"221 bye\r\n"
        ) as side:
            yield side


class TestASoundChannel(MailSuite):
    """Passes whole."""


class TicketSuite(guide.suite.TestTicketbox):  # type: ignore[misc]
    __test__ = False


def ticketbox(**methods: Any) -> Connector[Any]:
    """The guide's connector with some methods changed."""
    kind: type[Connector[Any]] = type("Changed", (guide.plugin.Ticketbox,), methods)
    return kind()


def opening_without_the_delivery_id(self: Any, ctx: Any, item: Any) -> Any:
    new = {"subject": item.title, "body": item.text, "key": "lost"}
    answer = guide.plugin._call(ctx, "POST", "/tickets", json=new).checked()
    return guide.plugin._reference(ctx, guide.plugin._read(guide.plugin.Ticket, answer.json()))


def opening_with_a_promise(self: Any, ctx: Any, item: Any) -> Any:
    try:
        return guide.plugin.Ticketbox.open(self, ctx, item)
    except Exception:
        raise RetryLater("It will be all right.") from None


def opening_and_telling_all(self: Any, ctx: Any, item: Any) -> Any:
    ctx.log.info("opening", token=ctx.settings.token.get_secret_value())
    return guide.plugin.Ticketbox.open(self, ctx, item)


def opening_with_a_secret_error(self: Any, ctx: Any, item: Any) -> Any:
    raise Rejected(f"curl -H 'Authorization: {ctx.settings.token.get_secret_value()}' failed")


def opening_and_believing(self: Any, ctx: Any, item: Any) -> Any:
    answer = guide.plugin._call(ctx, "POST", "/tickets", json={"subject": item.title})
    return guide.plugin._reference(ctx, guide.plugin.Ticket(**answer.json()))


def opening_after_a_long_while(self: Any, ctx: Any, item: Any) -> Any:
    threading.Event().wait(3)
    raise RetryLater("late")


def pulling_without_marks(self: Any, ctx: Any, cursor: str) -> Pulled:
    pulled = guide.plugin.Ticketbox.pull(self, ctx, cursor)
    plain = (replace(u, by_us=False, delivery_id=None) for u in pulled.updates)
    return Pulled(tuple(plain), pulled.cursor)


def swallowing_refusals(self: Any, ctx: Any, update: ItemUpdate) -> Any:
    raise Rejected("no")


MONITORS = [
    (samples.Forgetful, "test_a_replay_says_the_same"),
    (samples.Counting, "test_the_order_of_bodies_does_not_change_their_keys"),
    (samples.Trusting, "test_recorded_payloads_are_understood"),
    (samples.Trusting, "test_rubbish_is_set_aside_or_refused_cleanly"),
    (samples.Open, "test_only_genuine_requests_are_let_in"),
    (samples.Doubting, "test_a_body_that_is_read_later_says_the_same"),
    (samples.Talkative, "test_parse_and_verify_say_and_log_no_secret"),
    (samples.Curious, "test_parse_speaks_to_nobody"),
    (samples.Renaming, "test_reconciling_names_signals_as_the_webhook_does"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("connector", "check"), MONITORS)
def test_a_fault_of_a_monitor_is_found(
    connector: type[Connector[Any]], check: str, request: pytest.FixtureRequest
) -> None:
    suite = type("Suite", (MonitorSuite,), {"connector": connector()})()
    assert_fails(suite, check, request)


TICKETS = [
    ({"open": opening_without_the_delivery_id}, "test_what_was_opened_is_found"),
    ({"open": opening_without_the_delivery_id}, "test_a_failure_after_the_save_is_cleared_up"),
    ({"open": opening_with_a_promise}, "test_a_failure_after_the_save_is_cleared_up"),
    ({"open": opening_with_a_promise}, "test_silence_ends_within_the_deadline_and_is_told_apart"),
    ({"open": opening_with_a_promise}, "test_a_failing_server_leaves_the_outcome_of_a_write_open"),
    ({"open": opening_with_a_promise}, "test_refused_credentials_are_told"),
    ({"open": opening_and_telling_all}, "test_no_call_says_or_logs_a_secret"),
    ({"open": opening_with_a_secret_error}, "test_no_call_says_or_logs_a_secret"),
    ({"open": opening_and_believing}, "test_rubbish_in_an_answer_is_a_clean_error"),
    ({"open": opening_after_a_long_while}, "test_silence_ends_within_the_deadline_and_is_told_apart"),
    ({"pull": pulling_without_marks}, "test_our_own_message_comes_back_marked_as_an_echo"),
    ({"push": swallowing_refusals}, "test_a_message_whose_answer_was_lost_is_found"),
    ({"name": "Bad Name"}, "test_its_declarations_are_sound"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("changes", "check"), TICKETS)
def test_a_fault_of_a_ticket_tool_is_found(
    changes: dict[str, Any], check: str, request: pytest.FixtureRequest
) -> None:
    suite = type("Suite", (TicketSuite,), {"connector": ticketbox(**changes)})()
    assert_fails(suite, check, request)


def test_a_channel_that_lies_in_its_receipt_is_found(request: pytest.FixtureRequest) -> None:
    suite = type("Suite", (MailSuite,), {"connector": samples.Greedy()})()
    assert_fails(suite, "test_the_receipt_names_every_recipient", request)


def assert_fails(suite: Any, check: str, request: pytest.FixtureRequest) -> None:
    """The check fails by an assertion (or by an exception that it expected otherwise)."""
    method = getattr(suite, check)
    wanted = [name for name in method.__code__.co_varnames[: method.__code__.co_argcount] if name != "self"]
    with pytest.raises((AssertionError, Rejected, RetryLater)):
        method(**{name: request.getfixturevalue(name) for name in wanted})
