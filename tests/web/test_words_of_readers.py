"""Words of ours that are kept with what happened are said in the language of whoever reads them."""

import gettext
import io

import pytest
from sqlalchemy import select

from hub.domain import access, connections, timeline
from hub.domain.accounts import Account
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.kinds import NO_ADDRESS, NO_VERIFIED_ADDRESS, NOBODY_LEFT, Kind
from hub.domain.timeline import ENTRIES, NewEntry
from hub.flows import addresses, desk, mailroom, tell
from hub.flows.runtime import Hub
from hub.testing.pages import Browser, Shown
from hub.testing.world import World

MAIL = "From: Petra <{}>\nTo: {}\nSubject: Away\nAuto-Submitted: auto-replied\n\nBack on Monday.\n"


class Marked(gettext.NullTranslations):
    """A language in which every message stands in marks."""

    def gettext(self, message: str) -> str:
        """The message in them."""
        return f"‹{message}›"


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on pages speak the language of marks."""
    for module in ("hub.web.words", "hub.web.sentences"):
        monkeypatch.setattr(f"{module}.translations", lambda language: Marked())


@pytest.fixture
def case(hub: Hub, world: World) -> Case:
    with hub.db.write() as session:
        given = {"smtp_host": "mx.example", "smtp_port": "25", "smtp_security": "none"}
        connections.add_connection(session, HUB, hub.registry, hub.keyring, "mail", "Mail", "own", given)
        account = session.get_one(Account, world.nordwind.account)
        new = NewCase(title="Line down", case_type="incident", customer_title="Line down")
        return desk.open_case(session, access.viewer_of(session, world.kim), account, new, share=True)


@pytest.mark.usefixtures("marked")
def test_why_somebody_was_not_told_is_said_in_the_readers_language(
    hub: Hub, world: World, kim: Browser, case: Case
) -> None:
    with hub.db.write() as session:
        found = session.get_one(Case, (case.account_id, case.id))
        for why in (NO_ADDRESS, NO_VERIFIED_ADDRESS, "550 no such user"):
            line = tell.not_told(found, world.nordwind.person, "Petra", f"published:{case.id}:1", why)
            timeline.append(session, line)
        facts = {"news": "case-opened", "number": case.number, "why": NOBODY_LEFT}
        line = NewEntry(case.account_id, Kind.NOBODY_REACHABLE, HUB, facts, case_id=case.id)
        timeline.append(session, line)
    shown = Shown(kim.get(f"/desk/nordwind/case/{case.number}").text).text
    for why in (NO_ADDRESS, NO_VERIFIED_ADDRESS, NOBODY_LEFT):
        assert f"‹{why}›" in shown
    assert "‹550" not in shown


def test_an_automatic_answer_is_named_in_the_readers_language(
    hub: Hub, world: World, kim: Browser, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = addresses.reply_address(hub.settings, hub.keyring, "case", case.id)
    assert mailroom.deliver(hub, MAIL.format(world.nordwind.login, to).encode()) == "noted"
    with hub.db.read() as session:
        [note] = session.execute(select(ENTRIES).where(ENTRIES.c.kind == Kind.NOTE)).all()
    assert (note.sentence, note.body) == ("Automatic answer of Petra: Away", "Back on Monday.")
    monkeypatch.setattr("hub.web.sentences.translations", lambda language: Marked())
    shown = Shown(kim.get(f"/desk/nordwind/case/{case.number}?details=1").text).text
    assert "‹Automatic answer of Petra: Away›" in shown


@pytest.mark.usefixtures("marked")
def test_a_directory_that_cannot_be_read_is_told_in_the_readers_language(rita: Browser) -> None:
    given = {"attachments": [(io.BytesIO(b"x"), "holiday.csv")]}
    address = "/admin/directory"
    refused = rita.post(f"{address}/check", given, page=address, content_type="multipart/form-data")
    assert refused.status_code == 422
    message = refused.text.split("notice--crit", 1)[1].split("</div>", 1)[0]
    assert "‹Please choose" in message
