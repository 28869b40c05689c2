"""What a connector parses is checked before anyone believes it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from hub.plugin.contracts import (
    BadBody,
    Connector,
    ExternalUpdate,
    Incoming,
    Parsed,
    PluginBroken,
    PullHint,
    SignalEvent,
    Unparsed,
)
from hub.plugin.parsing import guarded_parse, guarded_verify
from hub.plugin.shapes import misfit

SECRET = "s3cr3t-sentinel-0451"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
INCOMING = Incoming("POST", "", {}, {}, b"{}", NOON)
SIGNAL = SignalEvent("056ce5f0", NOON, "firing", NOON, "critical", "critical", "Link down", labels={"site": "FRA1"}, identifiers=(("circuit", "CIR-4711"),))  # fmt: skip  # noqa: E501
UPDATE = ExternalUpdate("17", "48", NOON, "message", text="On it.")


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


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


def parse(answer: object) -> Any:
    return guarded_parse(Scripted(lambda: answer), Settings(), INCOMING)


def test_good_items_pass_unchanged() -> None:
    parsed = Parsed(
        (SIGNAL,),
        (UPDATE,),
        (PullHint("17"),),
        (Unparsed("no labels", {"a": [1, None]}),),
        b"ok",
        "text/plain",
    )
    outcome = parse(parsed)
    assert (outcome.parsed, outcome.problem, outcome.slow) == (parsed, None, False)


BAD_SIGNALS = [
    replace(SIGNAL, natural_key=""),
    replace(SIGNAL, natural_key="k" * 201),
    replace(SIGNAL, natural_key=17),  # type: ignore[arg-type]
    replace(SIGNAL, at=datetime(2026, 11, 24)),
    replace(SIGNAL, at="2026-11-24"),  # type: ignore[arg-type]
    replace(SIGNAL, at=datetime(1, 1, 1, tzinfo=UTC)),
    replace(SIGNAL, state="burning"),  # type: ignore[arg-type]
    replace(SIGNAL, severity=["critical"]),  # type: ignore[arg-type]
    replace(SIGNAL, title=None),  # type: ignore[arg-type]
    replace(SIGNAL, text="a\0b"),
    replace(SIGNAL, text="\ud83d"),
    replace(SIGNAL, labels={"site": 1}),  # type: ignore[dict-item]
    replace(SIGNAL, labels={"site": "a\0"}),
    replace(SIGNAL, labels=[("site", "FRA1")]),  # type: ignore[arg-type]
    replace(SIGNAL, identifiers=(("circuit",),)),  # type: ignore[arg-type]
    replace(SIGNAL, identifiers=[("circuit", "CIR-4711")]),  # type: ignore[arg-type]
    replace(SIGNAL, link=7),  # type: ignore[arg-type]
    {"natural_key": "k"},
    None,
]


@pytest.mark.parametrize("bad", BAD_SIGNALS)
def test_an_item_that_breaks_its_contract_is_set_aside_and_the_others_go_on(bad: object) -> None:
    outcome = parse(Parsed((SIGNAL, cast(SignalEvent, bad), SIGNAL)))
    assert outcome.problem is None
    assert outcome.parsed.signals == (SIGNAL, SIGNAL)
    [aside] = outcome.parsed.unparsed
    assert misfit(Unparsed, aside) is None
    assert aside.raw


@pytest.mark.parametrize(
    "answer",
    [None, {}, (SIGNAL,), Parsed([SIGNAL]), Parsed(response="ok"), Parsed(response_type=None), Parsed(unparsed=None)],  # type: ignore[arg-type]  # noqa: E501
)  # fmt: skip
def test_an_answer_that_is_no_parsed_body_is_the_plugins_fault(answer: object) -> None:
    outcome = parse(answer)
    assert outcome.parsed is None
    assert isinstance(outcome.problem, PluginBroken)


@pytest.mark.parametrize("error", [KeyError("alerts"), SystemExit(), RecursionError(), MemoryError()])
def test_whatever_parse_raises_is_caught(error: BaseException) -> None:
    outcome = guarded_parse(Scripted(raising(error)), Settings(), INCOMING)
    assert isinstance(outcome.problem, PluginBroken)
    assert type(error).__name__ in outcome.problem.reason


def test_a_bad_body_is_the_senders_fault_and_names_the_field() -> None:
    outcome = guarded_parse(Scripted(raising(BadBody(f"not JSON: {SECRET}", "alerts"))), Settings(), INCOMING)
    assert isinstance(outcome.problem, BadBody)
    assert (outcome.problem.reason, outcome.problem.field) == ("not JSON: [secret]", "alerts")


def test_a_slow_parse_is_reported() -> None:
    assert guarded_parse(Scripted(Parsed), Settings(), INCOMING, slow_after=-1).slow
    assert not guarded_parse(Scripted(Parsed), Settings(), INCOMING, slow_after=60).slow


@pytest.mark.parametrize(
    "raw", [{"a": "x\0y"}, {"a": "\ud800"}, {1: object()}, object(), 17, None, {"a": float("nan")}]
)
def test_what_could_not_be_understood_can_always_be_stored(raw: object) -> None:
    outcome = parse(Parsed(unparsed=(Unparsed("odd", cast(str, raw)), cast(Unparsed, "odd"))))
    assert outcome.problem is None
    for item in outcome.parsed.unparsed:
        assert "\0" not in str(item.raw)
        str(item.raw).encode()


@pytest.mark.parametrize("answer", [False, None, 1, "yes", [True]])
def test_only_a_clear_yes_lets_a_request_in(answer: object) -> None:
    assert not guarded_verify(Scripted(lambda: answer), Settings(), INCOMING).ok


def test_a_verify_that_breaks_lets_nobody_in() -> None:
    assert guarded_verify(Scripted(lambda: True), Settings(), INCOMING).ok
    outcome = guarded_verify(Scripted(raising(ValueError(SECRET))), Settings(), INCOMING)
    assert not outcome.ok
    assert outcome.problem is not None
    assert SECRET not in outcome.problem.reason


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.datetimes()
    | st.just(object()),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.builds(SignalEvent, *([ANYTHING] * 11)), max_size=3), ANYTHING)
def test_no_content_gets_past_the_check_or_breaks_it(signals: list[SignalEvent], extra: object) -> None:
    outcome = parse(Parsed((*signals, cast(SignalEvent, extra), SIGNAL)))
    assert outcome.problem is None
    assert len(outcome.parsed.signals) + len(outcome.parsed.unparsed) == len(signals) + 2
    for event in outcome.parsed.signals:
        assert isinstance(event.natural_key, str)
        assert event.at.utcoffset() is not None
