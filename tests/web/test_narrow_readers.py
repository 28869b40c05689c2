"""Members who may not read all of an account read the entries of their own cases, and learn of no others."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import access, accounts, cases, people, timeline
from hub.domain.accounts import Account, Limits
from hub.domain.attachments import Attachment, Files, Upload
from hub.domain.audit import HUB
from hub.domain.cases import Case, NewCase
from hub.domain.kinds import Kind
from hub.domain.timeline import ENTRIES, NewEntry
from hub.flows import desk, portal
from hub.flows.runtime import Hub
from hub.testing.pages import Browser
from hub.testing.world import PASSWORD, World

SECRET = "the merger with Sund"
READERS = ("limited", "requester", "billing")
SHOWS = ("", "show=messages&", "show=customer&", "show=staff&", "show=alerts&", "details=1&", "lens=staff&")


@dataclass
class Scene:
    """Nordwind's timeline with two cases of others around each of the reader's own."""

    slug: str
    own: dict[str, list[str]] = field(default_factory=dict)
    files: list[uuid.UUID] = field(default_factory=list)
    top: int = 0


@pytest.fixture
def scene(hub: Hub, world: World) -> Scene:
    made = Scene(world.nordwind.slug)
    with hub.db.write() as session:
        account = session.get_one(Account, world.nordwind.account)
        readers = {name: _reader(session, account, name) for name in READERS}
        for _round in range(2):
            _case_of_others(session, world, account)
            for name, person in readers.items():
                made.own.setdefault(name, []).append(_own_case(session, world, account, name, person))
            _case_of_others(session, world, account)
        session.flush()
        made.files = list(
            session.scalars(
                select(Attachment.id).where(Attachment.name == "plan.txt").order_by(Attachment.id)
            )
        )
        made.top = session.scalars(
            select(ENTRIES.c.customer_seq).where(ENTRIES.c.account_id == account.id).order_by(ENTRIES.c.seq)
        ).all()[-1]
    return made


def _reader(session: Session, account: Account, name: str) -> people.Person:
    person = people.add_person(session, HUB, f"{name.title()} Reader")
    people.set_password(session, HUB, person, f"{name}@nordwind.example", PASSWORD)
    site = accounts.add_site(session, HUB, account, f"Yard of {name}", zone="Europe/Berlin")
    limits = Limits(sites=frozenset({site.id})) if name == "limited" else None
    role = "technical" if name == "limited" else name
    accounts.add_member(session, HUB, account, person, [role], limits=limits)
    return person


def _case_of_others(session: Session, world: World, account: Account) -> None:
    kim = access.viewer_of(session, world.kim)
    new = NewCase(title=f"About {SECRET}", case_type="question", customer_title=f"About {SECRET}")
    case = desk.open_case(session, kim, account, new, share=True)
    petra = access.viewer_of(session, world.nordwind.person)
    upload = Files((Upload("plan.txt", "text/plain", b"x"),))
    portal.answer(session, petra, case, f"More on {SECRET}", files=upload)
    _detail(session, case)
    desk.publish_to_customer(
        session,
        kim,
        case,
        f"We wait for {SECRET}",
        next_step="Wait",
        next_update_by=clock.now() + timedelta(hours=1),
    )


def _detail(session: Session, case: Case) -> None:
    line = NewEntry(case.account_id, Kind.CASE_CHANGED, HUB, {"what": "target"}, audience="customer")
    timeline.append_one(session, replace(line, weight="detail", case_id=case.id))


def _own_case(session: Session, world: World, account: Account, name: str, person: people.Person) -> str:
    kim = access.viewer_of(session, world.kim)
    new = NewCase(
        title=f"Lamp of {name}",
        case_type="question",
        customer_title=f"Lamp of {name}",
        requester_id=person.id,
    )
    case = desk.open_case(session, kim, account, new, share=True)
    _detail(session, case)
    desk.publish_to_customer(
        session,
        kim,
        case,
        f"To {name}: a lamp comes.",
        next_step="Ship",
        next_update_by=clock.now() + timedelta(hours=1),
    )
    return case.number


@pytest.mark.parametrize(
    "name", [READERS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in READERS[1:])]
)
def test_no_way_of_asking_shows_a_case_of_others(
    scene: Scene, browse: Callable[[str], Browser], name: str
) -> None:
    reader, account = browse(f"{name}@nordwind.example"), f"/portal/{scene.slug}"
    addresses = [f"{account}?open={position}" for position in range(scene.top + 2)]
    for place in (account, f"{account}/case/{scene.own[name][0]}"):
        for show in SHOWS:
            for key in ("open", "before", "after"):
                addresses += [f"{place}?{show}{key}={at}" for at in (0, 1, scene.top // 2, scene.top + 1)]
    for address in addresses:
        answer = reader.get(address)
        assert answer.status_code == 200, address
        assert SECRET not in answer.text, address


@pytest.mark.parametrize("name", READERS)
def test_nothing_on_the_page_tells_how_much_is_hidden(
    scene: Scene, browse: Callable[[str], Browser], name: str
) -> None:
    reader = browse(f"{name}@nordwind.example")
    for address in (f"/portal/{scene.slug}", f"/portal/{scene.slug}/case/{scene.own[name][0]}"):
        shown = reader.get(address).text
        assert f"To {name}: a lamp comes." in shown
        assert not re.search(r'\d+ details?<|id="e-\d|data-seq="\d|(?:open|before|after)=\d', shown)


@pytest.mark.parametrize("name", READERS)
def test_files_of_others_are_not_there(scene: Scene, browse: Callable[[str], Browser], name: str) -> None:
    reader = browse(f"{name}@nordwind.example")
    assert scene.files
    for file_id in scene.files:
        assert reader.get(f"/portal/{scene.slug}/file/{file_id}").status_code == 404


def test_a_narrow_reader_turns_pages_all_the_same(
    hub: Hub, world: World, scene: Scene, browse: Callable[[str], Browser]
) -> None:
    with hub.db.write() as session:
        kim = access.viewer_of(session, world.kim)
        case = cases.find(session, kim, "staff", scene.own["requester"][0])
        soon = clock.now() + timedelta(hours=1)
        for number in range(60):
            desk.publish_to_customer(
                session, kim, case, f"Word {number}.", next_step="Ship", next_update_by=soon
            )
    reader, seen = browse("requester@nordwind.example"), []
    address: str | None = f"/portal/{scene.slug}"
    while address:
        shown = reader.get(address).text
        seen += re.findall(r"Word (\d+)\.", shown)
        found = re.search(r'rel="next" href="([^"#]+)', shown)
        address = found.group(1).replace("&amp;", "&") if found else None
    assert seen == [str(number) for number in reversed(range(60))]


def test_who_reads_all_of_it_still_unfolds(scene: Scene, petra: Browser) -> None:
    shown = petra.get(f"/portal/{scene.slug}").text
    assert SECRET in shown
    folded = re.search(r'href="([^"]*open=\d+)', shown)
    assert folded
    assert petra.get(folded.group(1).replace("&amp;", "&")).text.count("e--detail")


def test_a_narrow_reader_asks_for_all_details_at_once(scene: Scene, browse: Callable[[str], Browser]) -> None:
    reader = browse("limited@nordwind.example")
    shown = reader.get(f"/portal/{scene.slug}").text
    assert "e--detail" not in shown
    wanted = re.search(r'href="([^"#]*details=1)', shown)
    assert wanted
    assert "e--detail" in reader.get(wanted.group(1)).text
