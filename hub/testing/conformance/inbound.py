"""What every connector that parses must stand: replay, disorder, rubbish, forged requests, and no leak of
secrets."""

import copy
import json
import logging
import socket
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy.orm import Session

from hub.domain import quarantine
from hub.domain.quarantine import QuarantineKind
from hub.plugin.contracts import BadBody, Incoming, Parsed
from hub.plugin.parsing import guarded_parse, guarded_verify
from hub.plugin.settings import join, split
from hub.testing.conformance.base import LOCALHOST, SENTINEL, Conformance

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
ODD_BODIES: tuple[bytes, ...] = (
    b"",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b"17",
    b'"text"',
    b"[[]]",
    b"[null]",
    b"{",
    b'{"a": NaN}',
    b"\x00",
    b"\xff\xfe{\x00}\x00",
    b"\xef\xbb\xbf{}",
    b"[" * 200_000,
    b'{"a":' * 200_000,
    b"-" * 100_000,
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
)
MANY = settings(
    max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
)


class InboundConformance(Conformance):
    """Checks of `verify` and `parse`; they pass at once for a connector that declares neither."""

    def parsed(self, incoming: Incoming) -> Parsed:
        """What the connector makes of a body that it must be able to read."""
        outcome = guarded_parse(self.connector, self.settings(LOCALHOST, 9), incoming)
        assert outcome.problem is None, outcome.problem
        assert outcome.parsed is not None
        return outcome.parsed

    @property
    def recorded(self) -> list[Incoming]:
        """The recorded requests, of which a connector that parses must have some."""
        if "parse" not in self.connector.capabilities:
            return []
        assert self.payloads, "a connector that parses needs recorded payloads"
        return list(self.payloads)

    def test_recorded_payloads_are_understood(self) -> None:
        """Each says something, and none of its items breaks the contract."""
        for incoming in self.recorded:
            parsed = self.parsed(incoming)
            assert parsed.signals or parsed.updates or parsed.hints or parsed.unparsed

    def test_a_replay_says_the_same(self) -> None:
        """The same body at another time and twice in a row gives equal items, so nothing is doubled."""
        for incoming in self.recorded:
            later = replace(incoming, received_at=incoming.received_at + timedelta(hours=3))
            assert self.parsed(incoming) == self.parsed(incoming) == self.parsed(later)

    def test_a_body_that_is_read_later_says_the_same(self) -> None:
        """What the worker parses, or somebody has read again, has lost the headers and parameters that prove
        who sent it; `verify` has seen them, and `parse` needs none."""
        for incoming in self.recorded:
            assert self.parsed(_kept(incoming)) == self.parsed(incoming)

    def test_the_order_of_bodies_does_not_change_their_keys(self) -> None:
        """A connector keeps nothing between two bodies."""
        bodies = self.recorded
        mixed = bodies[1::2] + bodies[::2]
        assert self._keys(bodies) == self._keys(mixed) == self._keys(bodies[::-1])

    def _keys(self, bodies: list[Incoming]) -> Counter[object]:
        keys: Counter[object] = Counter()
        for parsed in map(self.parsed, bodies):
            keys.update((s.natural_key, s.episode_start, s.state, s.at) for s in parsed.signals)
            keys.update((u.external_id, u.update_id, u.kind) for u in parsed.updates)
            keys.update(hint.external_id for hint in parsed.hints)
        return keys

    def test_parse_speaks_to_nobody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is pure: no socket is opened, not even to find a name."""

        def refuse(*_: object, **__: object) -> NoReturn:
            raise AssertionError("parse must not use the network")

        recorded = self.recorded
        with monkeypatch.context() as patch:
            patch.setattr(socket, "socket", refuse)
            patch.setattr(socket, "getaddrinfo", refuse)
            for incoming in recorded:
                self.parsed(incoming)

    def test_rubbish_is_set_aside_or_refused_cleanly(self) -> None:
        """Odd bodies, random bytes, and recorded bodies with a random value in a random place."""
        for incoming in self.recorded[:1]:
            for body in ODD_BODIES:
                self._stands(replace(incoming, body=body))
            self._stands_any_bytes(incoming)
        for incoming in self.recorded:
            self._stands_mutations_of(incoming)

    def _stands_any_bytes(self, incoming: Incoming) -> None:
        def check(body: bytes) -> None:
            self._stands(replace(incoming, body=body))

        MANY(given(st.binary(max_size=200))(check))()

    def _stands_mutations_of(self, incoming: Incoming) -> None:
        try:
            document = json.loads(incoming.body)
        except ValueError:
            return  # not JSON: the random bytes above must do
        places = list(_places(document))
        if not places:
            return

        def check(place: tuple[Any, ...], value: Any, drop: bool) -> None:
            body = json.dumps(_changed(document, place, value, drop)).encode()
            self._stands(replace(incoming, body=body))

        MANY(given(st.sampled_from(places), JSON_VALUES, st.booleans())(check))()

    def _stands(self, incoming: Incoming) -> None:
        outcome = guarded_parse(self.connector, self.settings(LOCALHOST, 9), incoming)
        assert outcome.problem is None or isinstance(outcome.problem, BadBody), (
            f"{outcome.problem} for the body {incoming.body[:500]!r}"
        )

    def test_only_genuine_requests_are_let_in(self) -> None:
        """The recorded ones are; not without their headers and query, nor with another secret in the
        settings."""
        if "verify" not in self.connector.capabilities:
            return
        own = self.settings(LOCALHOST, 9)
        other = self._with_other_secrets(own)
        assert self.payloads, "a connector that verifies needs recorded payloads"
        for incoming in self.payloads:
            assert guarded_verify(self.connector, own, incoming).ok
            bare = guarded_verify(self.connector, own, replace(incoming, headers={}, query={}))
            changed = guarded_verify(self.connector, other, incoming)
            assert (bare.ok, bare.problem, changed.ok, changed.problem) == (False, None, False, None)

    def _with_other_secrets(self, own: BaseModel) -> BaseModel:
        plain, secrets = split(own)
        return join(type(own), plain, {name: f"another-{value}" for name, value in secrets.items()})

    def test_parse_and_verify_say_and_log_no_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        """Neither the settings' secrets nor those of the request's headers."""
        caplog.set_level(logging.DEBUG)
        own = self.settings(LOCALHOST, 9)
        for incoming in self.recorded:
            for body in (incoming.body, *ODD_BODIES[:14]):
                message = replace(incoming, body=body)
                for capability in {"verify", "parse"} & self.connector.capabilities:
                    assert SENTINEL not in _said(self.connector, capability, own, message)
        assert SENTINEL not in caplog.text


def _kept(incoming: Incoming) -> Incoming:
    """The request as it comes back after it was kept for the worker."""
    session = Session()
    quarantine.keep(session, uuid.uuid4(), QuarantineKind.WAITING, "", incoming.body, came=incoming)
    [kept] = session.new
    return quarantine.as_incoming(kept)


def _said(connector: Any, capability: str, own: BaseModel, message: Incoming) -> str:
    try:
        return repr(getattr(connector, capability)(own, message))
    except Exception as error:
        return repr(error)


def _places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a JSON document, but for the document itself."""
    inside: Any = ()
    if isinstance(document, dict):
        inside = document.items()
    elif isinstance(document, list):
        inside = enumerate(document)
    for key, value in inside:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _changed(document: Any, place: tuple[Any, ...], value: Any, drop: bool) -> Any:
    result = copy.deepcopy(document)
    inner = result
    for key in place[:-1]:
        inner = inner[key]
    if drop:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    return result
