"""People with names around two accounts, for the rules and stories of cases."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock, ids
from hub.base.db import Database
from hub.domain import access, accounts, cases, teams
from hub.domain.access import Viewer
from hub.domain.accounts import Account, Membership
from hub.domain.audit import HUB, Actor
from hub.domain.cases import Case, NewCase
from hub.domain.coverage import Assignment
from hub.domain.outbox import Delivery
from hub.domain.people import Person, StaffMember
from hub.domain.teams import Team
from hub.domain.timeline import Entry

STAFF = {
    "Jonas Weber": "contact",
    "Mila Novak": "oncall",
    "Otto Lang": "auditor",
}
CUSTOMERS = {
    "Ada Petersen": ("nordwind", "portal_admin"),
    "Rolf Voss": ("nordwind", "requester"),
    "Ines Brandt": ("nordwind", "requester"),
    "Tim Kiel": ("nordwind", "technical"),
    "Vera Sand": ("nordwind", "viewer"),
    "Bea Geld": ("nordwind", "billing"),
    "Zoe Berg": ("suedwerk", "portal_admin"),
}
SOON = timedelta(hours=2)
REACH = "Jonas W., Elbe Connect"


@dataclass
class Scene:
    """Ids of everyone and everything by name."""

    db: Database
    ids: dict[str, uuid.UUID] = field(default_factory=dict)

    @contextmanager
    def acting(self, name: str) -> Iterator[tuple[Session, Viewer]]:
        """A transaction of one person's request, in the scope that their pages get."""
        with self.db.read() as session:
            viewer = access.viewer_of(session, self.ids[name])
        lens = "staff" if name in STAFF else "customer"
        with self.db.write(viewer.lens_scope(lens)) as session:
            yield session, viewer

    def all(self, table: type[Any], *conditions: Any) -> Sequence[Any]:
        """Rows as the system sees them."""
        with self.db.read() as session:
            return list(session.scalars(select(table).where(*conditions)))

    def entries(self, case_id: uuid.UUID | None = None, audience: str | None = None) -> Sequence[Entry]:
        """Entries of Nordwind's log in order."""
        query = select(Entry).where(Entry.account_id == self.ids["nordwind"]).order_by(Entry.seq)
        if case_id is not None:
            query = query.where(Entry.case_id == case_id)
        if audience is not None:
            query = query.where(Entry.audience == audience)
        with self.db.read() as session:
            return list(session.scalars(query))

    def kinds(self, case_id: uuid.UUID, audience: str | None = None) -> list[str]:
        """What was said about a case, as kinds."""
        return [entry.kind for entry in self.entries(case_id, audience)]

    def case(self, case_id: uuid.UUID) -> Case:
        """A case as it is now."""
        (case,) = self.all(Case, Case.id == case_id)
        return case  # type: ignore[no-any-return]

    def told(self, event: str = "") -> list[tuple[str, str]]:
        """(audience, event without ids) of everyone who is to be told, in order."""
        rows = self.all(Delivery, Delivery.kind == "tell")
        rows = sorted(rows, key=lambda row: row.id)
        events = [(row.body["audience"], row.body["event"].split(":")[0]) for row in rows]
        return [pair for pair in events if not event or pair[1] == event]

    def account(self, session: Session, slug: str = "nordwind") -> Account:
        """The account in a session."""
        return session.get_one(Account, self.ids[slug])


def build(db: Database) -> Scene:
    """Two customers, who of them may do what, who of us is assigned, and one team."""
    scene = Scene(db)
    with db.write() as session:
        for slug, prefix in (("nordwind", "NORD"), ("suedwerk", "SUED")):
            row = accounts.add_account(session, HUB, slug.title(), prefix=prefix, slug=slug)
            scene.ids[slug] = row.id
        _places(session, scene)
        _people(session, scene)
        scene.ids["Fibre"] = teams.add_team(session, HUB, "Fibre", email="fibre@elbe.example").id
    return scene


def build_again(db: Database) -> Scene:
    """A scene of its own in a database that already holds others."""
    with db.write() as session:
        for account in session.scalars(select(Account)):
            account.slug = f"{account.slug}-{ids.new_id().hex[-8:]}"[-60:]
            account.prefix = f"OLD{account.prefix}"[:10]
        for old in session.scalars(select(Team)):
            old.slug = ids.new_id().hex
    return build(db)


def _places(session: Session, scene: Scene) -> None:
    account = scene.account(session)
    for city in ("Kiel", "Bremen"):
        site = accounts.add_site(session, HUB, account, city)
        service = accounts.add_service(session, HUB, account, "circuit", f"{city} uplink", site_id=site.id)
        scene.ids[city], scene.ids[f"{city} uplink"] = site.id, service.id


def _people(session: Session, scene: Scene) -> None:
    # Plain rows: what the verbs of people and members do is shown elsewhere, and every test pays for this.
    now = clock.now()
    for name in (*STAFF, *CUSTOMERS):
        scene.ids[name] = ids.new_id()
        row = Person(id=scene.ids[name], kind="human", name=name, language="en", zone="UTC", created_at=now)
        session.add(row)
    session.flush()  # roles and memberships refer to the people
    session.add_all(StaffMember(person_id=scene.ids[name], role=role) for name, role in STAFF.items())
    session.add_all(_member(scene, name) for name in CUSTOMERS)
    session.add(
        Assignment(
            account_id=scene.ids["nordwind"],
            id=ids.new_id(),
            role="named",
            person_id=scene.ids["Jonas Weber"],
            hours=[],
            zone="UTC",
            reach_name=REACH,
            reach_phone="+49 40 1",
            reach_email="nordwind@elbe.example",
            valid_from=now - timedelta(days=1),
            created_at=now,
        )
    )


def _member(scene: Scene, name: str) -> Membership:
    slug, role = CUSTOMERS[name]
    limits = {"sites": [str(scene.ids["Kiel"])]} if name == "Tim Kiel" else {}
    return Membership(
        account_id=scene.ids[slug],
        id=ids.new_id(),
        person_id=scene.ids[name],
        roles=[role],
        limits=limits,
        subscriptions={},
        valid_from=clock.now(),
    )


def team(session: Session, scene: Scene) -> Team:
    """The one team in a session."""
    return session.get_one(Team, scene.ids["Fibre"])


def jonas(scene: Scene) -> Actor:
    return Actor("staff", "Jonas Weber", scene.ids["Jonas Weber"], public=REACH)


def rolf(scene: Scene) -> Actor:
    return Actor("customer", "Rolf Voss", scene.ids["Rolf Voss"])


def opened(scene: Scene, *, shared: bool = False, **more: Any) -> uuid.UUID:
    """A case that Jonas opened, shared if asked for."""
    with scene.db.write() as session:
        new = NewCase(title="Packet loss", text="BGP flaps", **more)
        case = cases.open_case(session, jonas(scene), scene.account(session), new).case
        if shared:
            cases.share(session, jonas(scene), case, "Slow line")
        return case.id


def reported(scene: Scene, who: str = "Rolf Voss", **more: Any) -> uuid.UUID:
    with scene.db.write() as session:
        new = NewCase(title="Line down", text="Nothing works", requester_id=scene.ids[who], **more)
        actor = Actor("customer", who, scene.ids[who])
        return cases.report_case(session, actor, scene.account(session), new).case.id


def do(scene: Scene, case_id: uuid.UUID, verb: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """One verb of Jonas in a transaction of its own."""
    return do_as(scene, jonas(scene), case_id, verb, *args, **more)


def do_as(
    scene: Scene, actor: Actor, case_id: uuid.UUID, verb: Callable[..., Any], *args: Any, **more: Any
) -> Any:
    with scene.db.write() as session:
        return verb(session, actor, case_of(session, scene, case_id), *args, **more)


def case_of(session: Session, scene: Scene, case_id: uuid.UUID) -> Case:
    return session.get_one(Case, (scene.ids["nordwind"], case_id))


ENDED = ("closed", "cancelled")
WAYS: dict[str, list[Callable[[Scene, uuid.UUID], Any]]] = {
    "registered": [],
    "in_progress": [lambda s, c: do(s, c, cases.start)],
    "waiting": [lambda s, c: do(s, c, cases.wait, "customer")],
    "resolved": [lambda s, c: do(s, c, cases.resolve, "done")],
    "closed": [lambda s, c: do(s, c, cases.resolve, "done"), lambda s, c: do(s, c, cases.close)],
    "cancelled": [lambda s, c: do(s, c, cases.cancel, "twin")],
}
"""How an open case comes into each state."""
