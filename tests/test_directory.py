"""A directory's records in the hub: delta, dry run, and never overwriting what was changed by hand."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import scene
from sqlalchemy import func, select

from hub.base.errors import NotFound, Unavailable
from hub.domain import accounts, connections, people, timeline
from hub.domain.accounts import Account, Identifier, Membership, Service, Site
from hub.domain.audit import HUB, AuditLine
from hub.domain.people import Person
from hub.domain.timeline import Entry
from hub.flows import directory
from hub.flows.directory import Report
from hub.flows.runtime import Hub
from hub.plugin.contracts import AccountRecord, DirectoryBatch, PersonRecord, ServiceRecord, SiteRecord
from hub.testing.fixtures import MovingClock, counting

ACME = AccountRecord("K1", "Acme", prefix="acme", time_zone="Europe/Berlin", language="de")
NORD = AccountRecord("K2", "Acme Nord", parent_id="K1")
KIEL = SiteRecord("S1", "K1", "Kiel", address="Kai 1", time_zone="Europe/Berlin")
LINE = ServiceRecord(
    "V1", "K1", "Kiel uplink", "circuit", "S1", "V2", (("circuit", "CIR-1"), ("host", "edge1"))
)
TWIN = ServiceRecord("V2", "K1", "Kiel backup", "circuit", "S1", "V1", (("circuit", "CIR-2"),))
ADA = PersonRecord(
    "P1",
    "K1",
    "Ada Petersen",
    contact_points=(("email", "ada@acme.example"), ("phone", "+49 431 123456")),
    roles=("portal_admin", "technical"),
    site_ids=("S1",),
)
WHOLE = DirectoryBatch(accounts=(NORD, ACME), sites=(KIEL,), services=(LINE, TWIN), people=(ADA,))
Take = Callable[..., Report]


@pytest.fixture
def take(hub: Hub, moving_clock: MovingClock, tmp_path: Path) -> Take:
    slug = directory.connection_for_folder(hub, HUB, str(tmp_path))

    def apply(*records: Any, batch: DirectoryBatch | None = None) -> Report:
        by_kind: dict[str, list[Any]] = {"accounts": [], "sites": [], "services": [], "people": []}
        kinds = {
            AccountRecord: "accounts",
            SiteRecord: "sites",
            ServiceRecord: "services",
            PersonRecord: "people",
        }
        for record in records:
            by_kind[kinds[type(record)]].append(record)
        told = batch or DirectoryBatch(**{kind: tuple(found) for kind, found in by_kind.items()})
        with hub.db.write() as session:
            connection = connections.by_slug(session, slug)
            assert connection is not None
            return directory.apply(session, connection, told)

    return apply


def one(hub: Hub, table: type[Any], key: str) -> Any:
    with hub.db.read() as session:
        return session.scalars(select(table).where(table.external_key == key)).one()


def by_hand(hub: Hub, change: Callable[[Any], object]) -> None:
    with hub.db.write() as session:
        change(session)


def said(report: Report) -> list[tuple[str, str]]:
    return [(line.what, line.where) for line in report.lines]


def test_a_whole_directory_becomes_accounts_places_and_people(hub: Hub, take: Take) -> None:
    report = take(batch=WHOLE)
    assert {line.what for line in report.lines} == {"added", "changed"}
    acme, nord, line, twin = (
        one(hub, table, key)
        for table, key in ((Account, "K1"), (Account, "K2"), (Service, "V1"), (Service, "V2"))
    )
    assert (acme.prefix, acme.zone, acme.language) == ("ACME", "Europe/Berlin", "de")
    assert (nord.parent_id, nord.prefix) == (acme.id, "ACMENO")
    assert (line.site_id, line.partner_id, twin.partner_id) == (one(hub, Site, "S1").id, twin.id, line.id)
    ada = one(hub, Person, "P1")
    assert (ada.language, ada.zone) == ("de", "Europe/Berlin")
    with hub.db.read() as session:
        [(member, _)] = accounts.members_of(session, acme.id)
        assert member.roles == ["portal_admin", "technical"]
        assert member.limits == {"sites": [str(line.site_id)]}
        assert people.addresses_of(session, ada.id) == ["ada@acme.example"]
        assert {(i.kind, i.value) for i in accounts.identifiers_of(session, acme.id, line.id)} == set(
            LINE.identifiers
        )
        actors = set(session.scalars(select(Entry.actor_name).where(Entry.account_id == acme.id)))
    assert actors == {"Directory"}


def test_what_did_not_change_costs_one_statement(hub: Hub, take: Take) -> None:
    take(batch=WHOLE)
    with counting(hub.db) as statements:
        report = take(batch=WHOLE)
    assert (report.lines, report.unchanged) == ((), 6)
    assert len([s for s in statements.statements if "directory_records" in s]) == 1
    assert not [s for s in statements.statements if s.startswith(("INSERT", "UPDATE"))]


def test_changes_of_the_source_are_taken(hub: Hub, take: Take) -> None:
    take(batch=WHOLE)
    report = take(
        replace(ACME, name="Acme SE", time_zone="Europe/Paris"),
        replace(KIEL, address="Kai 2"),
        replace(LINE, name="Kiel 10G", identifiers=(("circuit", "CIR-9"),)),
        replace(ADA, roles=("viewer",), site_ids=(), contact_points=(("email", "ada@acme-se.example"),)),
    )
    assert {line.what for line in report.lines} == {"changed"}
    acme, line = one(hub, Account, "K1"), one(hub, Service, "V1")
    assert (acme.name, acme.zone, one(hub, Site, "S1").address, line.name) == (
        *("Acme SE", "Europe/Paris", "Kai 2", "Kiel 10G"),
    )
    with hub.db.read() as session:
        assert [(i.value) for i in accounts.identifiers_of(session, acme.id, line.id)] == ["CIR-9"]
        [(member, ada)] = accounts.members_of(session, acme.id)
        assert people.addresses_of(session, ada.id) == ["ada@acme-se.example"]
        assert member.roles == ["viewer"]
        # An empty list of sites says nothing; it lifts no limit.
        assert member.limits != {}


def test_what_was_changed_by_hand_is_never_overwritten(hub: Hub, take: Take) -> None:
    take(batch=WHOLE)

    def by_people(session: Any) -> None:
        accounts.change_account(
            session, HUB, session.get(Account, one(hub, Account, "K1").id), name="Acme (VIP)"
        )
        line = session.scalars(select(Service).where(Service.external_key == "V1")).one()
        accounts.add_identifier(session, HUB, line, "circuit", "BY-HAND")
        (member,) = session.scalars(select(Membership))
        accounts.change_member(session, HUB, member, roles=["billing"])

    by_hand(hub, by_people)
    for name in ("Acme SE", "Acme AG"):
        report = take(
            replace(ACME, name=name, time_zone="Europe/Paris" if name == "Acme SE" else "Europe/Rome"),
            replace(LINE, identifiers=(("circuit", name),)),
            replace(ADA, roles=("viewer",)) if name == "Acme SE" else ADA,
        )
        assert ("kept", "account K1") in said(report)
    acme, line = one(hub, Account, "K1"), one(hub, Service, "V1")
    assert (acme.name, acme.zone) == ("Acme (VIP)", "Europe/Rome")
    with hub.db.read() as session:
        values = [i.value for i in accounts.identifiers_of(session, acme.id, line.id)]
        assert values == ["Acme AG", "BY-HAND"]
        assert [m.roles for m, _ in accounts.members_of(session, acme.id)] == [["billing"]]


def test_once_source_and_hub_agree_the_source_may_change_it_again(hub: Hub, take: Take) -> None:
    take(ACME)
    by_hand(
        hub,
        lambda session: accounts.change_account(
            session, HUB, session.get(Account, one(hub, Account, "K1").id), name="Acme SE"
        ),
    )
    take(replace(ACME, name="Acme SE"))
    take(replace(ACME, name="Acme AG"))
    assert one(hub, Account, "K1").name == "Acme AG"


def test_an_account_entered_by_hand_is_adopted_and_keeps_what_it_has(hub: Hub, take: Take) -> None:
    by_hand(
        hub,
        lambda session: accounts.add_account(
            session, HUB, "ACME Inc.", prefix="ACM", zone="Asia/Tokyo", external_key="K1"
        ),
    )
    report = take(ACME)
    account = one(hub, Account, "K1")
    assert (account.name, account.zone, account.prefix) == ("ACME Inc.", "Asia/Tokyo", "ACM")
    assert said(report) == [("kept", "account K1")]


def test_a_person_entered_by_hand_is_not_doubled(hub: Hub, take: Take) -> None:
    by_hand(hub, lambda session: people.add_person(session, HUB, "Ada P.", emails=["ADA@acme.example"]))
    take(ACME, KIEL, ADA)
    with hub.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 1
        assert len(people.find_by_point(session, "email", "ada@acme.example")) == 1
    assert one(hub, Person, "P1").name == "Ada P."


def test_closing_and_opening_again(hub: Hub, take: Take) -> None:
    take(batch=WHOLE)
    closed = [replace(each, active=False) for each in (KIEL, LINE, ADA)]
    assert {what for what, _ in said(take(*closed))} == {"closed"}
    acme = one(hub, Account, "K1")
    with hub.db.read() as session:
        assert accounts.sites_of(session, acme.id) == []
        assert [s.external_key for s in accounts.services_of(session, acme.id)] == ["V2"]
        assert accounts.members_of(session, acme.id) == []
    take(KIEL, LINE, ADA)
    with hub.db.read() as session:
        assert len(accounts.sites_of(session, acme.id)) == 1
        assert len(accounts.services_of(session, acme.id)) == 2
        assert len(accounts.members_of(session, acme.id)) == 1
    take(replace(ACME, active=False))
    assert one(hub, Account, "K1").closed_at is not None


def test_who_was_let_go_in_the_hub_does_not_come_back_by_an_import(hub: Hub, take: Take) -> None:
    take(ACME, KIEL, ADA)
    by_hand(
        hub,
        lambda session: [accounts.end_member(session, HUB, m) for m in session.scalars(select(Membership))],
    )
    report = take(replace(ADA, name="Ada Petersen-Voss"))
    assert ("kept", "person P1") in said(report)
    with hub.db.read() as session:
        assert accounts.members_of(session, one(hub, Account, "K1").id) == []


def test_a_wrong_record_takes_nothing_else_along_and_is_tried_again(hub: Hub, take: Take) -> None:
    bad = replace(ADA, contact_points=(("email", "not an address"),))
    report = take(replace(ACME, language="tlh"), NORD)
    assert said(report) == [("failed", "account K1"), ("failed", "account K2")]
    assert "language" in report.lines[0].sentence
    report = take(ACME, NORD, KIEL, bad, replace(LINE, account_id="K9", partner_id=""))
    assert said(report)[-2:] == [("failed", "service V1"), ("failed", "person P1")]
    with hub.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 0
    assert ("added", "person P1") in said(take(ACME, NORD, KIEL, ADA))


def test_a_record_that_moves_to_another_account_is_refused(hub: Hub, take: Take) -> None:
    take(ACME, NORD, KIEL)
    [line] = take(replace(KIEL, account_id="K2")).lines
    assert line.what == "failed"
    assert "new id" in line.sentence


class TestFolder:
    def folder(self, path: Path) -> None:
        (path / "accounts.csv").write_text("id,name,prefix\nK1,Acme,ACME\nK2,,BAD\n")
        (path / "services.csv").write_text("id,account,name,identifiers\nV1,K1,Uplink,circuit=CIR-1\n")

    def test_a_dry_run_tells_exactly_and_leaves_nothing(self, hub: Hub, tmp_path: Path) -> None:
        self.folder(tmp_path)
        slug = directory.connection_for_folder(hub, HUB, str(tmp_path))
        dry = directory.import_now(hub, slug, dry_run=True)
        with hub.db.read() as session:
            assert session.scalar(select(func.count()).select_from(Account)) == 0
            assert session.scalar(select(func.count()).select_from(Entry)) == 0
        real = directory.import_now(hub, slug)
        assert dry == real
        assert said(real)[0] == ("failed", "accounts.csv line 3")
        assert real.summary() == "2 added, 1 changed, 0 closed, 0 kept, 1 failed, 0 unchanged."
        with hub.db.read() as session:
            assert session.scalar(select(func.count()).select_from(Identifier)) == 1
            [told] = [line for line in session.scalars(select(AuditLine)) if line.action == "directory.read"]
            assert real.summary() in told.sentence
            connection = connections.by_slug(session, slug)
            assert connection is not None
            [event] = connections.events(session, connection.id)
            assert "accounts.csv line 3" in event.sentence

    def test_polls_read_only_what_changed(self, hub: Hub, moving_clock: MovingClock, tmp_path: Path) -> None:
        self.folder(tmp_path)
        directory.connection_for_folder(hub, HUB, str(tmp_path))
        for _ in range(3):
            directory.poll_due(hub)
            moving_clock.forward(directory.EVERY)
        with hub.db.read() as session:
            reads = [line for line in session.scalars(select(AuditLine)) if line.action == "directory.read"]
        assert len(reads) == 1
        assert one(hub, Account, "K1").name == "Acme"

    def test_a_folder_has_one_connection(self, hub: Hub, tmp_path: Path) -> None:
        slugs = {directory.connection_for_folder(hub, HUB, str(tmp_path)) for _ in range(2)}
        assert len(slugs) == 1

    def test_what_cannot_be_read_says_why(self, hub: Hub, tmp_path: Path) -> None:
        slug = directory.connection_for_folder(hub, HUB, str(tmp_path / "nowhere"))
        with pytest.raises(Unavailable, match="none of"):
            directory.import_now(hub, slug)
        with pytest.raises(NotFound):
            directory.import_now(hub, "no-such")


def test_an_import_and_a_webhook_about_the_same_accounts_never_wait_crosswise(hub: Hub, take: Take) -> None:
    take(batch=WHOLE)
    first, last = sorted((one(hub, Account, "K1").id, one(hub, Account, "K2").id))
    names = {one(hub, Account, key).id: key for key in ("K1", "K2")}
    reports: list[Report] = []

    def read() -> None:
        sites = [SiteRecord(f"new {id_}", names[id_], "Lager") for id_ in (last, first)]
        reports.append(take(*sites))

    thread = Thread(target=read)
    with hub.db.write() as session:
        timeline.lock(session, [first])
        thread.start()
        scene.wait_until_blocked(hub)
        timeline.lock(session, [last])
    thread.join()
    assert [line.what for line in reports[0].lines] == ["added", "added"]
