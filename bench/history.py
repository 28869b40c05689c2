"""Accounts with long timelines, filled in by one statement each, and two people who may read them."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from hub.domain import access, accounts, coverage, people, sessions, timeline
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.people import Person
from hub.flows.runtime import Hub

CUSTOMER_EVERY = 5
"""Every fifth entry is one that customers see; headlines are among them."""


@dataclass(frozen=True, slots=True)
class Log:
    """One account: how many entries, and every how manieth is a headline."""

    name: str
    entries: int
    headline_every: int

    @property
    def slug(self) -> str:
        """The account's name in addresses."""
        return f"timeline-{self.name}"


LONG = Log("long", 1_000_000, 1_000)
SHORT = Log("short", 10_000, 1_000)
FULL = Log("full", 10_000, 20)
"""As long as SHORT, with headlines enough to fill pages: like is compared with like."""
LOGS = (SHORT, FULL, LONG)


@dataclass(frozen=True, slots=True)
class Readers:
    """Cookies of the two who are signed in, who they are, and the accounts' ids."""

    cookies: Mapping[str, str]
    people: Mapping[str, uuid.UUID]
    accounts: Mapping[str, uuid.UUID]


def fill(hub: Hub) -> Readers:
    """Make the accounts and their readers in a migrated database."""
    with hub.db.write() as session:
        kim, petra = people.add_person(session, HUB, "Kim Brandt"), people.add_person(session, HUB, "Petra P")
        people.grant_role(session, HUB, kim, "contact")
        coverage.set_last_resort(session, HUB, kim.id)
        made = {log.name: _account(session, hub.db.dialect, log) for log in LOGS}
    with hub.db.write() as session:
        for account in made.values():
            _people_of(session, session.merge(account), session.merge(kim), session.merge(petra))
        lens = {"staff": kim, "customer": petra}
        lasts = timedelta(hours=12)
        tokens = {
            name: sessions.start(session, reader.id, access.LOCAL, lasts, "bench")
            for name, reader in lens.items()
        }
    cookies = {name: f"hub={token}" for name, token in tokens.items()}
    ids = {name: account.id for name, account in made.items()}
    return Readers(cookies, {name: reader.id for name, reader in lens.items()}, ids)


def _account(session: Session, dialect: str, log: Log) -> Account:
    account = accounts.add_account(session, HUB, log.slug, slug=log.slug, prefix=log.name.upper())
    session.flush()
    head = timeline.lock(session, [account.id])[account.id]
    seq, customer_seq = head.seq, head.customer_seq
    assert seq < CUSTOMER_EVERY, "those that customers see are numbered from there on"
    assert not customer_seq
    bound = {
        "account": account.id.hex,
        "first": seq + 1,
        "last": log.entries,
        "headline": log.headline_every,
        "customer": CUSTOMER_EVERY,
    }
    session.execute(text(_FILL.format(**_WORDS[dialect])), bound)
    session.execute(
        update(timeline.HEADS)
        .where(timeline.HEADS.c.account_id == account.id)
        .values(seq=log.entries, customer_seq=log.entries // CUSTOMER_EVERY)
    )
    return account


def _people_of(session: Session, account: Account, kim: Person, petra: Person) -> None:
    for name in ("Hamburg - Frankfurt", "Rack 12"):
        accounts.add_service(session, HUB, account, "circuit", name)
    accounts.add_member(session, HUB, account, petra, ["portal_admin"])
    coverage.assign(
        session,
        HUB,
        account.id,
        "named",
        kim.id,
        reach_name="Kim of Elbe Connect",
        reach_phone="+49 40 555 0142",
        reach_email="team@elbe.example",
    )


# Sentences, facts and bodies are those that the verbs write, by kind; digests are only of the right length.
_FILL = """
    WITH RECURSIVE numbered AS ({series}),
    sorted AS (
      SELECT n, CASE WHEN n % :headline = 0 THEN 2 WHEN n % :customer = 0 THEN 1 ELSE 0 END AS what
      FROM numbered
    )
    INSERT INTO entries (account_id, seq, customer_seq, kind, weight, audience, occurred_at, recorded_at,
      actor_kind, actor_name, sentence, body, data, salt, digest)
    SELECT {account}, n, CASE WHEN what > 0 THEN n / :customer END,
      CASE what WHEN 2 THEN 'message.published' WHEN 1 THEN 'case.state' ELSE 'alert.raised' END,
      CASE what WHEN 2 THEN 'headline' ELSE 'detail' END,
      CASE what WHEN 0 THEN 'staff' ELSE 'customer' END,
      {at}, {at}, CASE what WHEN 0 THEN 'connection' ELSE 'staff' END,
      CASE what WHEN 0 THEN 'Alertmanager' ELSE 'Kim Brandt' END,
      CASE what WHEN 2 THEN 'Kim Brandt wrote about LONG-10001.' WHEN 1 THEN 'LONG-10001 is now in progress.'
        ELSE 'Alertmanager reports: Link down (critical) on Hamburg - Frankfurt.' END,
      CASE what WHEN 2 THEN 'The fibre near **Lauenburg** is cut. We write again by 15:00.'
        WHEN 1 THEN NULL ELSE 'instance 127.0.0.1:18100 unreachable' END,
      CAST(CASE what WHEN 2 THEN '{{"person": "Kim Brandt", "number": "LONG-10001"}}'
        WHEN 1 THEN '{{"number": "LONG-10001", "state": "in_progress"}}'
        ELSE '{{"source": "Alertmanager", "title": "Link down", "severity": "critical",'
          || ' "service": "Hamburg - Frankfurt", "signal": "01a20bd3-75d5-7830-9272-a79725f76059"}}'
        END AS {json}),
      {salt}, {digest}
    FROM sorted
"""
_WORDS = {
    "sqlite": {
        "series": "SELECT :first AS n UNION ALL SELECT n + 1 FROM numbered WHERE n < :last",
        "account": ":account",
        "at": "strftime('%Y-%m-%d %H:%M:%f000', 1767225600 + n * 20, 'unixepoch')",
        "json": "TEXT",
        "salt": "lower(hex(randomblob(16)))",
        "digest": "lower(hex(randomblob(32)))",
    },
    "postgresql": {
        "series": "SELECT n FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) AS n",
        "account": "CAST(:account AS uuid)",
        "at": "to_timestamp(1767225600 + n * 20)",
        "json": "jsonb",
        "salt": "md5(CAST(random() AS text))",
        "digest": "md5(CAST(random() AS text)) || md5(CAST(random() AS text))",
    },
}
