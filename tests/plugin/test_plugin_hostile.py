"""What a plugin hands over may be of any size and any class: it costs the hub no more than a line."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

import pytest
from pydantic import BaseModel, SecretStr

from hub.plugin.contracts import BadBody, Connector, Incoming, Parsed, PluginBroken, SignalEvent, Unparsed
from hub.plugin.parsing import MOST_ASIDE, MOST_REASON, MOST_RESPONSE, guarded_parse, guarded_verify

SECRET = "s3cr3t-sentinel-0451"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
INCOMING = Incoming("POST", "", {}, {}, b'{"all": "of it"}', NOON)
SIGNAL = SignalEvent("056ce5f0", NOON, "firing", NOON, "critical", "critical", "Link down")


class Settings(BaseModel):
    token: SecretStr = SecretStr(SECRET)


class Scripted(Connector[Settings]):
    """Does as the test says."""

    name = "scripted"
    kind = "monitoring"
    title = "Scripted"
    capabilities = frozenset({"verify", "parse"})
    settings_model = Settings

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def verify(self, settings: Settings, incoming: Incoming) -> bool:
        return cast(bool, self._act())

    def parse(self, settings: Settings, incoming: Incoming) -> Parsed:
        return cast(Parsed, self._act())


def parse(answer: object, incoming: Incoming = INCOMING) -> Any:
    return guarded_parse(Scripted(lambda: answer), Settings(), incoming)


def raising(error: BaseException) -> Any:
    def act() -> object:
        raise error

    return guarded_parse(Scripted(act), Settings(), INCOMING)


class Panic(BaseException):
    """As compiled extensions raise it."""


class Unreadable(Exception):
    def __str__(self) -> str:
        raise Panic


@pytest.mark.parametrize("error", [KeyboardInterrupt(), GeneratorExit(), Panic("a\0b \ud800"), Unreadable()])
def test_whatever_is_raised_stays_with_the_body_it_is_about(error: BaseException) -> None:
    def act() -> object:
        raise error

    outcome = raising(error)
    assert isinstance(outcome.problem, PluginBroken)
    assert type(error).__name__ in outcome.problem.reason
    outcome.problem.reason.encode()
    verified = guarded_verify(Scripted(act), Settings(), INCOMING)
    assert not verified.ok
    assert verified.problem is not None


class Word(str):
    """Equal to nothing, not even to itself."""

    def __eq__(self, other: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0


class Level(StrEnum):
    HIGH = "critical"


ODD: list[Any] = [
    replace(SIGNAL, natural_key=Word("k")),
    replace(SIGNAL, severity=cast(Any, Word("critical"))),
    replace(SIGNAL, severity_text=Level.HIGH),
    replace(SIGNAL, labels={Word("site"): "FRA1"}),
    replace(SIGNAL, labels={"site": Word("FRA1")}),
    replace(SIGNAL, identifiers=(("circuit", Word("CIR-4711")),)),
    replace(SIGNAL, labels={"site": "x" * 50_000_000}),
    replace(SIGNAL, labels={"site": "ü" * 50_000_000}),
    replace(SIGNAL, labels={f"{number}\ud7ff": "x" * 999 for number in range(2000)}),
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_what_the_hub_cannot_compare_or_hold_is_set_aside(odd: SignalEvent) -> None:
    outcome = parse(Parsed((SIGNAL, odd)))
    assert outcome.parsed.signals == (SIGNAL,)
    assert len(outcome.parsed.unparsed) == 1


def test_labels_of_any_language_are_no_trouble() -> None:
    odd = replace(SIGNAL, labels={"ort": "Köln", "path": r"\u0000", "日本": "x"})
    assert parse(Parsed((odd,))).parsed.signals == (odd,)


@pytest.mark.parametrize(
    "kind",
    ["text/html\r\nX: 1", "text/html", "image/svg+xml", "application/xhtml+xml", "", "text", "TEXT/HTML"],
)
def test_an_answer_that_a_browser_would_run_or_no_header_holds_is_the_plugins_fault(kind: str) -> None:
    outcome = parse(Parsed((SIGNAL,), response=b"x", response_type=kind))
    assert isinstance(outcome.problem, PluginBroken)
    assert "response_type" in outcome.problem.reason


@pytest.mark.parametrize(
    "kind", ["text/plain; charset=utf-8", "text/xml", "application/xml", "application/problem+json"]
)
def test_an_answer_that_is_read_by_machines_is_sent(kind: str) -> None:
    assert parse(Parsed(response=b"<ok/>", response_type=kind)).parsed.response_type == kind


def test_an_answer_has_a_bound() -> None:
    assert parse(Parsed(response=b"x" * MOST_RESPONSE)).parsed is not None
    assert "response" in parse(Parsed(response=b"x" * (MOST_RESPONSE + 1))).problem.reason


def test_a_reason_has_a_bound_and_its_cut_leaves_no_half_secret() -> None:
    long = raising(BadBody("x" * 50_000_000, "y" * 5000)).problem
    assert len(long.reason) <= MOST_REASON
    assert len(long.field) <= 200
    for padding in range(MOST_REASON - 30, MOST_REASON):
        assert "s3cr" not in raising(BadBody("x" * padding + SECRET)).problem.reason
    for padding in range(270, 310):
        assert "s3cr" not in raising(ValueError("x" * padding + SECRET)).problem.reason


def test_of_a_flood_of_odd_items_the_first_are_kept_and_the_body_stands_for_the_others() -> None:
    odd = Unparsed("odd", {"a": 1})
    kept = parse(Parsed(unparsed=(odd,) * 200_000)).parsed.unparsed
    assert len(kept) == MOST_ASIDE + 1
    assert kept[0] == odd
    assert "199,000 more" in kept[-1].reason
    assert kept[-1].raw == '{"all": "of it"}'


def test_broken_items_count_among_the_odd_ones() -> None:
    broken = cast(SignalEvent, None)
    outcome = parse(Parsed((SIGNAL, *(broken,) * 3000), unparsed=(Unparsed("odd", "x"),) * 500))
    assert outcome.parsed.signals == (SIGNAL,)
    assert len(outcome.parsed.unparsed) == MOST_ASIDE + 1
    assert "2,500 more" in outcome.parsed.unparsed[-1].reason


def test_items_that_repeat_a_large_body_again_and_again_are_bounded_too() -> None:
    kept = parse(Parsed(unparsed=(Unparsed("odd", "x" * 10_000_000),) * 100)).parsed.unparsed
    assert sum(len(item.raw) for item in kept) < 50_000_000
    assert "more" in kept[-1].reason


def test_a_reason_of_an_item_has_a_bound_too() -> None:
    [kept] = parse(Parsed(unparsed=(Unparsed("x" * 900_000, "x"),))).parsed.unparsed
    assert len(kept.reason) <= MOST_REASON


def test_the_connections_secrets_are_masked_in_what_is_set_aside() -> None:
    raw = {"token": SECRET, SECRET: [{"deep": f"Bearer {SECRET}"}], "count": 3}
    items = (Unparsed(f"no {SECRET}", raw), Unparsed("odd", f"a {SECRET}"), cast(Unparsed, SECRET))
    bad = replace(SIGNAL, natural_key="", title=SECRET)
    outcome = parse(Parsed((bad,), unparsed=items))
    assert len(outcome.parsed.unparsed) == 4
    assert SECRET not in repr(outcome.parsed.unparsed)
    assert outcome.parsed.unparsed[0].raw["count"] == 3
    body = replace(INCOMING, body=f'{{"token": "{SECRET}"}}'.encode())
    flood = parse(Parsed(unparsed=(Unparsed("odd", {}),) * 2000), body)
    assert flood.parsed.unparsed[-1].raw == '{"token": "[secret]"}'


class Numbered(BaseModel):
    token: SecretStr = SecretStr("12345678")


def test_a_secret_that_is_a_number_is_masked() -> None:
    connector = Scripted(lambda: Parsed(unparsed=(Unparsed("odd", {"token": 12345678, "n": 5}),)))
    outcome = guarded_parse(connector, cast(Any, Numbered()), INCOMING)
    assert outcome.parsed is not None
    assert outcome.parsed.unparsed[0].raw == {"token": "[secret]", "n": 5}
