"""A directory's records become accounts, sites, services and people of the hub.

Records are known by the source's ids. What did not change at the source costs nothing; what was changed here
by hand is never overwritten; what cannot be done is told line by line and takes nothing else along.
"""

import uuid
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base.errors import NotFound, Unavailable
from hub.base.text import N_
from hub.domain import audit, connections, directory
from hub.domain.audit import Actor
from hub.domain.connections import Configured, Connection, Side
from hub.flows import polling
from hub.flows.channels import target_of
from hub.flows.directory import customers, persons, places
from hub.flows.directory.running import Line, Run
from hub.flows.runtime import Hub
from hub.plugin.contracts import ConnectorError, DirectoryBatch

__all__ = ["Line", "Report", "apply", "connection_for_folder", "import_now", "poll_due"]

EVERY = timedelta(hours=1)
FILES = "csv_directory"
"""The connector that reads a folder."""


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did, or would do."""

    lines: tuple[Line, ...]
    unchanged: int

    @property
    def failed(self) -> int:
        """How many records could not be taken."""
        return sum(line.what == "failed" for line in self.lines)

    @property
    def changes(self) -> int:
        """How many records it changes, or would."""
        return sum(line.what in ("added", "changed", "closed") for line in self.lines)

    def summary(self) -> str:
        """The numbers in one sentence."""
        counts = Counter(line.what for line in self.lines)
        parts = [f"{counts[what]} {what}" for what in ("added", "changed", "closed", "kept", "failed")]
        return f"{', '.join(parts)}, {self.unchanged} unchanged."


def apply(session: Session, connection: Configured, batch: DirectoryBatch) -> Report:
    """Take a batch in the caller's transaction."""
    actor = Actor("connection", connection.name, connection.id)
    run = Run(session, actor, connection.id, directory.said_before(session, connection.id))
    run.lines += [Line("failed", problem.where, problem.reason) for problem in batch.problems]
    run.lock(_accounts_of_news(run, batch))
    services = places.Services()
    run.each(customers.KIND, customers.parents_first(batch.accounts), customers.take)
    run.each(places.SITE, batch.sites, places.take_site)
    run.each(places.SERVICE, batch.services, services.take)
    services.join_partners(run)
    run.each(persons.KIND, batch.people, persons.take)
    return Report(tuple(run.lines), run.unchanged)


def _accounts_of_news(run: Run, batch: DirectoryBatch) -> set[str]:
    found = {each.external_id for each in batch.accounts if run.is_news(customers.KIND, each)}
    found |= {each.account_id for each in batch.sites if run.is_news(places.SITE, each)}
    found |= {each.account_id for each in batch.services if run.is_news(places.SERVICE, each)}
    return found | {each.account_id for each in batch.people if run.is_news(persons.KIND, each)}


def import_now(hub: Hub, slug: str, *, dry_run: bool = False, folder: str = "") -> Report:
    """Read a directory whole, now. A dry run does everything and takes it back, and so tells exactly.

    `folder`: read the files there instead of where the connection's settings say.
    One transaction: while it runs, SQLite takes no other writer. Raises `NotFound`, and `Unavailable` with
    the reason when the source cannot be read.
    """
    with hub.db.read() as session:
        connection = connections.by_slug(session, slug)
    if connection is None:
        raise NotFound(N_("There is no connection %(name)s."), name=slug)
    try:
        target = target_of(hub, connection)
        if folder:
            target = replace(target, settings=target.settings.model_copy(update={"folder": folder}))
        batch = hub.outward.accounts(target, "")
    except ConnectorError as error:
        raise Unavailable(error.reason) from error
    with hub.db.write() as session:
        report = apply(session, connection, batch)
        if dry_run:
            session.rollback()
        else:
            _say(session, connection, report)
    return report


def connection_for_folder(hub: Hub, actor: Actor, folder: str) -> str:
    """The slug of the connection that reads a folder of CSV files; added where there is none."""
    with hub.db.write() as session:
        for connection in session.scalars(select(Connection).where(Connection.connector == FILES)):
            if connection.settings.get("folder") == folder:
                return connection.slug
        return connections.add_connection(
            session, actor, hub.registry, hub.keyring, FILES, "Directory", Side.OWN, {"folder": folder}
        ).slug


def poll_due(hub: Hub) -> None:
    """Read every directory whose turn it is."""
    polling.poll_due(hub, "accounts", EVERY, _poll)


def _poll(hub: Hub, connection_id: uuid.UUID) -> bool:
    return polling.poll(hub, connection_id, hub.outward.accounts, _settle)


def _settle(session: Session, connection: Configured, batch: DirectoryBatch) -> None:
    report = apply(session, connection, batch)
    if report.lines:
        _say(session, connection, report)


def _say(session: Session, connection: Configured, report: Report) -> None:
    actor = Actor("connection", connection.name, connection.id)
    sentence = f"The directory {connection.name} was read: {report.summary()}"
    audit.write(session, actor, "directory.read", "connection", connection.id, sentence)
    if report.failed:
        first = next(line for line in report.lines if line.what == "failed")
        told = f"{report.failed} records were left out; the first is {first.where}: {first.sentence}"
        connections.health_event(session, connection.id, "directory", told)
