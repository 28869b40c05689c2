"""The timeline is an append-only, gapless log per account, read by position through two lenses."""

import dataclasses
import threading
import uuid
from typing import Any

import pytest
import scene
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.base.db import Database
from hub.domain import reading, timeline
from hub.domain.audit import HUB, Actor
from hub.domain.kinds import SENTENCES, Kind, sentence_of
from hub.domain.reading import View
from hub.domain.timeline import Entry, NewEntry
from hub.flows.runtime import Hub
from hub.testing.fixtures import counting

KIM = Actor("staff", "Kim Brandt", uuid.uuid4(), public="Kim from Elbe Connect")


def note(place: scene.Place, **fields: Any) -> NewEntry:
    values = {"kind": Kind.NOTE, "actor": KIM, "facts": {"person": "Kim Brandt"}} | fields
    return NewEntry(place.account, **values)


def write(db: Database, *entries: NewEntry) -> list[int]:
    with db.write() as session:
        return timeline.append(session, *entries)


def read(db: Database, place: scene.Place, **options: Any) -> reading.Page:
    view = View(**({"lens": "staff", "language": "en", "headlines": False} | options))
    with db.read() as session:
        return reading.page(session, place.account, view)


@pytest.fixture
def acme(hub: Hub) -> scene.Place:
    (place,) = scene.accounts(hub.db, "Acme")
    return place


def test_many_writers_at_once_leave_no_gap(hub: Hub, acme: scene.Place) -> None:
    (bolt,) = scene.accounts(hub.db, "Bolt", circuit="CIR-2")
    start = threading.Barrier(4)

    def talk() -> None:
        start.wait()
        for _ in range(25):
            write(hub.db, note(bolt), note(acme), note(acme, audience="customer"))

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with hub.db.read() as session:
        for place, length, seen in ((acme, 200, 100), (bolt, 100, 0)):
            rows = session.execute(
                select(Entry.seq, Entry.customer_seq)
                .where(Entry.account_id == place.account)
                .order_by(Entry.seq)
            ).all()
            assert [row.seq for row in rows] == list(range(1, length + 1))
            shown = [row.customer_seq for row in rows if row.customer_seq is not None]
            assert shown == list(range(1, seen + 1))


def test_a_rolled_back_entry_leaves_no_gap_either(hub: Hub, acme: scene.Place) -> None:
    with pytest.raises(RuntimeError), hub.db.write() as session:
        timeline.append(session, note(acme))
        raise RuntimeError
    assert write(hub.db, note(acme)) == [1]


def test_customers_count_only_what_is_theirs(hub: Hub, acme: scene.Place) -> None:
    write(hub.db, note(acme), note(acme, audience="customer"), note(acme), note(acme, audience="customer"))
    lines = read(hub.db, acme, lens="customer").lines
    assert [(line.position, line.audience) for line in lines] == [(2, "customer"), (1, "customer")]


def test_customers_read_the_reach_of_a_contact_and_never_the_staff_name(hub: Hub, acme: scene.Place) -> None:
    nameless = dataclasses.replace(KIM, public="")
    write(hub.db, note(acme, audience="customer"), note(acme, audience="customer", actor=nameless))
    names = [line.actor_name for line in read(hub.db, acme, lens="customer").lines]
    assert names == ["", "Kim from Elbe Connect"]


def test_the_digest_shows_any_change(hub: Hub, acme: scene.Place) -> None:
    write(hub.db, note(acme, body="The fibre is cut.", facts={"person": "Kim", "n": [1, {"a": None}]}))
    with hub.db.read() as session:
        row = dict(session.execute(select(timeline.ENTRIES)).mappings().one())
    assert timeline.digest_of(row) == row["digest"]
    # An erasure empties fields and leaves the digest, so when it happened cannot be in it.
    sealed = set(row) - {"digest", "erased_at"}
    assert len(sealed) >= 21
    for name in sealed:
        assert timeline.digest_of(row | {name: "touched"}) != row["digest"], name


def test_sentences_are_kept_in_the_accounts_language_and_shown_in_the_readers(hub: Hub) -> None:
    (acme,) = scene.accounts(hub.db, "Acme", language="en")
    write(hub.db, NewEntry(acme.account, Kind.CASE_CLOSED, HUB, {"number": "ACME-1"}))
    (line,) = read(hub.db, acme).lines
    assert line.sentence == "ACME-1 was closed."


def test_an_entry_outlives_the_plugin_that_wrote_it(hub: Hub, acme: scene.Place) -> None:
    kind: Any = "weather.storm"
    write(hub.db, NewEntry(acme.account, kind, HUB, {"sentence": "A storm is coming."}))
    assert [line.sentence for line in read(hub.db, acme).lines] == ["A storm is coming."]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_a_sentence_that_survives_missing_facts(kind: Kind) -> None:
    assert kind in SENTENCES
    assert "%" not in sentence_of(kind, {}, "en")


WEIGHTS = st.lists(st.sampled_from(["headline", "detail"]), max_size=30)


@settings(max_examples=15)
@given(WEIGHTS, st.integers(1, 7), st.booleans())
def test_pages_show_everything_once_in_order(
    fresh_database: Any, weights: Any, limit: int, upward: bool
) -> None:
    database = Database(fresh_database(), synchronous="OFF")
    try:
        (acme,) = scene.accounts(database, "Acme")
        write(database, *(note(acme, weight=weight) for weight in weights))
        expected = [n for n, weight in enumerate(weights, 1) if weight == "headline"]
        seen, page = [], read(database, acme, headlines=True, limit=limit, after=0 if upward else None)
        while True:
            seen += [line.seq for line in (reversed(page.lines) if upward else page.lines)]
            following = page.newer if upward else page.older
            if following is None:
                break
            step = {"after": following} if upward else {"before": following}
            page = read(database, acme, headlines=True, limit=limit, **step)
        assert seen == (expected if upward else expected[::-1])
    finally:
        database.dispose()


def test_a_page_says_how_much_it_folds_away(hub: Hub, acme: scene.Place) -> None:
    write(hub.db, note(acme), *(note(acme, weight="detail") for _ in range(3)), note(acme))
    assert [(line.seq, line.folded) for line in read(hub.db, acme, headlines=True).lines] == [(5, 3), (1, 0)]
    unfolded = read(hub.db, acme, before=5, after=1).lines
    assert [line.seq for line in unfolded] == [4, 3, 2]


def test_a_page_costs_one_statement_whatever_the_log_holds(hub: Hub, acme: scene.Place) -> None:
    for length in (1, 10, 2000):
        write(hub.db, *(note(acme) for _ in range(length)))
        with counting(hub.db) as statements:
            read(hub.db, acme)
        assert len([s for s in statements.statements if "entries" in s]) == 1


def test_what_appending_costs_does_not_depend_on_what_is_appended(hub: Hub, acme: scene.Place) -> None:
    together = hub.db.dialect == "postgresql"  # there entries and head are written in one statement
    for length in (1, 10, 1000):
        with counting(hub.db) as statements:
            write(hub.db, *(note(acme) for _ in range(length)))
        assert len([s for s in statements.statements if "BEGIN" not in s]) == (2 if together else 3)


def test_foreign_text_with_nul_is_kept_without_it(hub: Hub, acme: scene.Place) -> None:
    write(hub.db, note(acme, body="a\x00b", facts={"person": "K\x00im", "deep": {"x": ["\\u0000", "\x00"]}}))
    (line,) = read(hub.db, acme).lines
    assert line.body == "a\ufffdb"
    assert line.data["deep"]["x"] == ["\\u0000", "\ufffd"]
