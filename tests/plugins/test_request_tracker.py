"""Request Tracker against an imitation: conformance, conflicts, order, odd content. See also *_real."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from imitated_rt import ImitatedRt
from pydantic import SecretStr

from hub.plugin.contracts import (
    ExternalRef,
    ExternalUpdate,
    Incoming,
    ItemUpdate,
    OutcomeUnknown,
    PullHint,
    Rejected,
    RetryLater,
)
from hub.plugin.outward import Outward, Target
from hub.testing.conformance import ITEM, SENTINEL, UPDATE, ItsmConformance, Tool
from hub.testing.conformance.base import RecordingLog
from hub.testing.peers.recorder import Answer, Recorder, recorder
from plugins.itsm.request_tracker import RequestTracker, RequestTrackerSettings, reading
from plugins.itsm.request_tracker.markup import plain_text

PAYLOADS = Path(__file__).parent.parent / "payloads" / "rt"


def webhook(body: object) -> Incoming:
    at = datetime(2026, 11, 23, 8, 12, tzinfo=UTC)
    return Incoming("POST", "", {"content-type": "application/json"}, {}, json.dumps(body).encode(), at)


class TestConformance(ItsmConformance):
    connector = RequestTracker()
    payloads = tuple(
        webhook(json.loads((PAYLOADS / f"scrip-webhook-{number}.json").read_text())["body"])
        for number in (1, 2, 3)
    )

    def settings(self, host: str, port: int) -> RequestTrackerSettings:
        return RequestTrackerSettings(url=f"http://{host}:{port}", login="hub", token=SecretStr(SENTINEL))

    def far_side(self) -> Tool:
        return ImitatedRt()


@dataclass
class Bench:
    """The connector in front of an imitation."""

    rt: ImitatedRt
    peer: Recorder
    out: Outward
    target: Target

    def pull(self, cursor: str = "") -> tuple[list[ExternalUpdate], str]:
        updates, more = [], True
        while more:
            page = self.out.pull(self.target, cursor)
            cursor, more = page.cursor, page.more
            updates += page.updates
        return updates, cursor

    def status(self, state: str, **more: str) -> ItemUpdate:
        return ItemUpdate("d-9", ExternalRef("1"), "status", status=state, **more)  # type: ignore[arg-type]


@contextmanager
def bench(**settings: object) -> Iterator[Bench]:
    rt = ImitatedRt()
    with recorder(rt) as peer:
        out = Outward(RecordingLog(), seconds=10)
        target = TestConformance().target(peer.port)
        changed = target.settings.model_copy(update=settings)
        try:
            yield Bench(rt, peer, out, replace(target, settings=changed))
        finally:
            out.close()


def test_a_ticket_tells_the_team_what_it_needs() -> None:
    with bench(queue="NOC") as it:
        opened = it.out.open(it.target, replace(ITEM, due_at=datetime(2026, 11, 25, 9, 30, tzinfo=UTC)))
        ticket = it.rt.tickets[1]
        assert (opened.external_id, opened.url) == (
            "1",
            f"http://127.0.0.1:{it.peer.port}/Ticket/Display.html?id=1",
        )
        assert ticket["Queue"] == "NOC"
        assert ticket["Subject"] == f"[{ITEM.reference}] {ITEM.title}"
        assert ITEM.text in ticket["Content"]
        assert "Service: CIR-4711" in ticket["Content"]
        assert (ticket["Priority"], ticket["Due"]) == (75, "2026-11-25T09:30:00Z")
        assert "Requestor" not in ticket
        assert it.peer.requests[0].headers["authorization"] == f"token {SENTINEL}"


def test_a_refusal_says_why_and_a_strange_answer_leaves_it_open() -> None:
    with bench() as it:
        it.peer.script(Answer(403, b'{"message": "No permission to create tickets in the queue"}'))
        with pytest.raises(Rejected, match="No permission to create tickets"):
            it.out.open(it.target, ITEM)
        it.peer.script(Answer(200, b"<html>Proxy login</html>"))
        with pytest.raises(OutcomeUnknown):
            it.out.open(it.target, ITEM)


def test_a_comment_is_the_teams_own_and_correspondence_is_said_to_us() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        it.rt.say(1, "We measure.")
        it.rt.say(1, "The customer is wrong.", kind="Comment")
        it.rt.add(1, "EmailRecord", "RT_System")
        updates, _ = it.pull()
        assert [(u.author, u.text, u.audience) for u in updates[1:]] == [
            ("anna", "We measure.", "customer"),
            ("anna", "The customer is wrong.", "staff"),
        ]


def test_the_first_update_of_a_ticket_names_the_delivery_that_opened_it() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        [created], _ = it.pull()
        assert created.delivery_id == ITEM.delivery_id
        assert created.by_us


def test_updates_are_read_by_number_and_late_ones_are_not_lost() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        _, cursor = it.pull()
        it.rt.say(1, "second", number=110)
        updates, cursor = it.pull(cursor)
        assert [u.update_id for u in updates] == ["110"]
        # Committed late at the far side, although its number is lower.
        it.rt.say(1, "first", number=108)
        updates, cursor = it.pull(cursor)
        assert [(u.update_id, u.text) for u in updates] == [("108", "first")]
        assert it.pull(cursor)[0] == []


def test_old_numbers_are_let_go_of_by_the_far_sides_clock() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        for minute in range(30):
            it.rt.say(1, f"minute {minute}", at=f"2026-11-24T09:{minute:02}:00Z")
        _, cursor = it.pull()
        kept = reading.Cursor.read(cursor)
        assert kept.page == 0
        assert len(kept.seen) == 5
        assert it.pull(cursor)[0] == []


def test_more_than_a_page_is_read_to_the_end() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        for number in range(120):
            it.rt.say(1, f"message {number}")
        updates, cursor = it.pull()
        assert [u.text for u in updates[1:]] == [f"message {number}" for number in range(120)]
        assert it.pull(cursor)[0] == []


def test_an_empty_beginning_stays_a_beginning() -> None:
    with bench() as it:
        _, cursor = it.pull()
        it.pull(cursor)
        queries = [request.target for request in it.peer.requests]
        assert all("Created" in query.split("&fields")[0] for query in queries)


def test_html_and_files_are_told_in_words() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        it.rt.add(
            1,
            "Correspond",
            parts=[
                ("multipart/mixed", "", ""),
                ("text/html", "", "<p>Left <b>port</b></p><script>x()</script><p>a &amp; b</p>"),
                ("text/plain", "trace.txt", "hops"),
            ],
        )
        updates, _ = it.pull()
        assert updates[-1].text == "Left port\na & b\n\n[trace.txt]"


def test_html_as_text() -> None:
    assert plain_text("<ul><li>one<li>two</ul>tail<br>end") == "- one\n- two\ntail\nend"
    assert plain_text("<p>unclosed <b>tag") == "unclosed tag"


def test_a_status_is_set_on_the_ticket_as_it_is_now() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        it.rt.before_put.append(lambda: it.rt.say(1, "just a word in between"))
        written = it.out.push(it.target, it.status("cancelled"))
        assert it.rt.tickets[1]["Status"] == "rejected"
        assert f'"{written.version}"' == it.rt.etag(1)
        again = it.out.push(it.target, it.status("cancelled"))
        assert again.version == written.version


def test_a_team_that_was_faster_is_not_overruled() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        it.rt.before_put.append(lambda: it.rt.set_status(1, "resolved"))
        written = it.out.push(it.target, it.status("cancelled"))
        assert it.rt.tickets[1]["Status"] == "resolved"
        assert f'"{written.version}"' == it.rt.etag(1)
        it.rt.set_status(1, "open")
        it.rt.before_put.append(lambda: it.rt.set_status(1, "resolved"))
        with pytest.raises(Rejected, match="resolved"):
            it.out.push(it.target, it.status("question"))


def test_a_ticket_that_never_rests_is_left_for_later() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        it.rt.before_put += [lambda: it.rt.say(1, "again")] * 5
        with pytest.raises(RetryLater):
            it.out.push(it.target, it.status("cancelled"))


def test_the_words_of_a_status_are_said_once() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        for _ in range(2):
            it.out.push(it.target, it.status("cancelled", text="No longer needed."))
        # As a comment: correspondence would make RT open the ticket again.
        said = [t["Type"] for t in it.rt.transactions if "Subject" in t]
        assert said == ["Comment"]


def test_a_status_that_rt_accepts_and_does_not_set_is_an_error() -> None:
    with bench() as it:
        it.out.open(it.target, ITEM)
        etag = it.rt.etag(1)
        state = json.dumps(it.rt.tickets[1]).encode()
        it.peer.script(
            Answer(200, state, {"etag": etag}),
            Answer(200, b'["Ticket 1: Permission Denied"]'),
            Answer(200, state, {"etag": etag}),
        )
        with pytest.raises(Rejected, match="Permission Denied"):
            it.out.push(it.target, it.status("cancelled"))


def test_a_ticket_that_is_gone_says_so() -> None:
    with bench() as it, pytest.raises(Rejected, match="gone"):
        it.out.push(it.target, it.status("cancelled"))


def test_ids_that_are_no_numbers_never_reach_an_address() -> None:
    with bench() as it:
        for bad in ("1/../2", "1 OR id > 0", "x"):
            with pytest.raises(Rejected):
                it.out.push(it.target, replace(UPDATE, external=ExternalRef(bad)))
        assert it.peer.requests == []


def test_a_webhook_is_a_hint_to_look() -> None:
    parse = RequestTracker().parse
    settings = TestConformance().settings("rt", 80)
    hints = [parse(settings, payload).hints for payload in TestConformance.payloads]
    assert hints == [(PullHint("1"),)] * 3
    assert parse(settings, webhook({"ticket": 1, "type": "EmailRecord"})).hints == ()
    assert len(parse(settings, webhook({"ticket": "one"})).unparsed) == 1
