"""What was put aside is handled once."""

from threading import Thread

import scene

from hub.base.errors import Conflict
from hub.domain import quarantine
from hub.domain.audit import HUB
from hub.domain.quarantine import QuarantineKind
from hub.flows.runtime import Hub


def test_of_two_who_handle_it_at_once_one_is_told_what_the_other_did(hub: Hub) -> None:
    with hub.db.write() as session:
        source = scene.connection(session)
        kept = quarantine.keep(session, source, QuarantineKind.ITEM, "No key.", b"{}", sender="Monitoring")
    refused: list[str] = []

    def drop() -> None:
        try:
            with hub.db.write() as session:
                quarantine.handle(session, HUB, quarantine.get(session, kept), "Second.")
        except Conflict as error:
            refused.append(str(error))

    thread = Thread(target=drop)
    with hub.db.write() as session:
        quarantine.handle(session, HUB, quarantine.get(session, kept), "First.")
        session.flush()
        thread.start()
        scene.wait_until_blocked(hub)
    thread.join()
    assert refused == ["This was handled already: First."]
