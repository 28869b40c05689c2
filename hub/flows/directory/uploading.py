"""A directory's files as an admin uploads them: kept, told what they would do, and taken after a yes.

They are read by the connector that reads a folder, from a folder that exists for the moment of the call.
"""

import io
import tempfile
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Conflict, Invalid, NotFound
from hub.base.text import N_
from hub.domain import connections, quarantine
from hub.domain.audit import Actor
from hub.domain.connections import Side
from hub.domain.quarantine import Quarantined, QuarantineKind
from hub.flows.directory import FILES, Report, import_now
from hub.flows.runtime import Hub

NAMES = ("accounts.csv", "sites.csv", "services.csv", "people.csv")
SLUG = "uploaded-directory"
"""The connection under which uploaded records are known; switched off, since there is nothing to poll."""

_WHICH = N_(
    "Please choose accounts.csv, sites.csv, services.csv or people.csv; the names say what is in them."
)
_GONE = N_("These files were imported already, or others were uploaded since. Upload them once more.")


@dataclass(frozen=True, slots=True)
class Checked:
    """Files that wait for a yes, and what they would do."""

    id: uuid.UUID
    report: Report


def check(hub: Hub, actor: Actor, files: Mapping[str, bytes], field: str = "files") -> Checked:
    """Keep the files in place of earlier ones, and tell exactly what they would do. Changes nothing else.

    A door of its own. `Invalid` on `field` for a file of another name; `Unavailable` for unreadable ones.
    """
    named = {Path(name).name.casefold(): content for name, content in files.items()}
    if not named or not set(named) <= set(NAMES):
        raise Invalid.field(field, _WHICH)
    with hub.db.write() as session:
        connection_id = _connection(hub, session, actor)
        _forget(session, connection_id)
        reason = "Waits for an admin who has read what it would do."
        kept = quarantine.keep(
            session,
            connection_id,
            QuarantineKind.UPLOAD,
            reason,
            _pack(named),
            content_type="application/zip",
            subject=", ".join(sorted(named)),
            sender=actor.name,
        )
    return Checked(kept, _import(hub, named, dry_run=True))


def carry_out(hub: Hub, actor: Actor, kept_id: uuid.UUID) -> Report:
    """Import what was checked, once. A door of its own; `Conflict` where it was done, or replaced since."""
    with hub.db.write() as session:
        kept = quarantine.get(session, kept_id)
        if kept.kind != QuarantineKind.UPLOAD:
            raise NotFound(N_("There is nothing here."))
        if kept.handled_at is not None or kept.body is None:
            raise Conflict(_GONE)
        files = _unpack(kept.body)
        quarantine.handle(session, actor, kept, "Imported.")
        kept.body = None
    return _import(hub, files, dry_run=False)


def _connection(hub: Hub, session: Session, actor: Actor) -> uuid.UUID:
    known = connections.by_slug(session, SLUG)
    if known is not None:
        return known.id
    values = {"folder": "(uploaded in the administration)"}
    made = connections.add_connection(
        session, actor, hub.registry, hub.keyring, FILES, "Uploaded directory", Side.OWN, values, slug=SLUG
    )
    made.enabled = False
    return made.id


def _forget(session: Session, connection_id: uuid.UUID) -> None:
    waiting = (Quarantined.connection_id == connection_id, Quarantined.kind == QuarantineKind.UPLOAD)
    session.execute(
        update(Quarantined)
        .where(*waiting, Quarantined.handled_at.is_(None))
        .values(body=None, handled_at=clock.now(), outcome="Replaced by another upload.")
    )


def _import(hub: Hub, files: Mapping[str, bytes], *, dry_run: bool) -> Report:
    with tempfile.TemporaryDirectory(prefix="hub-directory-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return import_now(hub, SLUG, dry_run=dry_run, folder=folder)


def _pack(files: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _unpack(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
