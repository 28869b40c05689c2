"""Letters: what people read in their mailbox, in their language, and nothing that is not for them."""

import re
import uuid
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from mail_scene import Scene, mail_scene, text_of
from sqlalchemy import update

from hub.base import clock
from hub.base.text import LANGUAGES
from hub.domain import accounts, cases, outbox, people
from hub.domain.accounts import Account, Limits
from hub.domain.audit import HUB
from hub.domain.coverage import Assignment
from hub.domain.kinds import NO_LONGER_THEIRS
from hub.domain.people import Person
from hub.flows import alarm, delivery, desk, letters
from hub.flows.letters.drawing import Letter, as_html, as_text, moment
from hub.plugin.contracts import SignalEvent


@pytest.fixture
def scene(moving_clock, hub, world):
    with mail_scene(hub, world) as made:
        yield made


def publish(scene: Scene, case: uuid.UUID, text: str = "We found a **cut**.", **more) -> None:
    given = {"next_step": "A splicer drives there", "next_update_by": clock.now() + timedelta(hours=2)} | more
    viewer = scene.viewer(scene.world.kim)
    with scene.hub.db.write() as session:
        desk.publish_to_customer(session, viewer, cases.get_case(session, case), text, **given)
    scene.deliver()


def resolve(scene: Scene, case: uuid.UUID, solution: str) -> None:
    viewer = scene.viewer(scene.world.kim)
    with scene.hub.db.write() as session:
        desk.resolve_case(session, viewer, cases.get_case(session, case), solution)
    scene.deliver()


def last(scene: Scene):
    return scene.mails()[-1]


def speak(scene: Scene, person: uuid.UUID, language: str, zone: str = "Europe/Berlin") -> None:
    with scene.hub.db.write() as session:
        people.change_person(session, HUB, session.get_one(Person, person), language=language, zone=zone)


# To customers


def test_a_published_text_says_what_comes_next_and_when_in_the_readers_zone(scene):
    speak(scene, scene.world.nordwind.person, "en", "America/New_York")
    case = scene.case()
    publish(scene, case)
    number = scene.get(case).number
    mail = last(scene)
    text = text_of(mail)
    assert mail["To"] == "petra@nordwind.example"
    assert mail["Subject"] == f"[{number}] Your line is down"
    for part in (
        "We found a **cut**.",
        "Kim of Elbe Connect wrote:",
        "A splicer drives there",
        "Mon 2 Mar 2026, 06:00 EST",
        f"https://hub.example.net/portal/nordwind/case/{number}",
        "+49 40 555 0142",
    ):
        assert part in text, text
    assert "We found a <strong>cut</strong>." in text_of(mail, "html")


def test_a_customer_never_reads_the_name_of_one_of_us(scene):
    case = scene.case()
    publish(scene, case)
    for event in ("case-shared:1", "resolved:1", "reopened:1", "cancelled:1", "something-else:1"):
        scene.tell("customers", case, event)
    scene.deliver()
    for mail in scene.mails():
        whole = str(mail["From"]) + text_of(mail) + text_of(mail, "html")
        assert not any(name in whole for name in ("Brandt", "Krause", "Okafor", "kim@", "Line down"))
    assert len(scene.mails()) == 6


def test_the_mail_comes_from_the_contact_and_answers_go_to_the_case(scene):
    case = scene.case()
    publish(scene, case)
    mail = last(scene)
    assert str(mail["From"]) == '"Kim of Elbe Connect (Elbe Connect)" <hub@hub.example>'
    assert re.fullmatch(r"hub\+c[a-z2-7]{42}@hub\.example", mail["Reply-To"])
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"


def test_mails_of_one_case_make_one_thread(scene):
    case = scene.case()
    publish(scene, case)
    publish(scene, case, "It is spliced.")
    first, second = scene.mails()
    assert first["References"] == second["References"] == first["In-Reply-To"]
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Subject"] == second["Subject"]
    assert first["Message-ID"].endswith("@hub.hub.example>")


def test_a_solved_case_asks_to_confirm_and_says_until_when(scene):
    case = scene.case()
    resolve(scene, case, "The fibre was replaced.")
    text = text_of(last(scene))
    assert "is solved" in text
    assert "The fibre was replaced." in text
    assert "Confirm or reopen: https://hub.example.net/portal/nordwind/case/" in text
    assert "it closes on Mon 9 Mar 2026, 09:00 UTC" in text


def test_a_solved_case_names_no_next_update(scene):
    case = scene.case()
    publish(scene, case)
    resolve(scene, case, "Done.")
    assert "Next update by" not in text_of(last(scene))


def test_what_staff_wrote_among_themselves_never_reaches_a_customer(scene):
    case = scene.case()
    viewer = scene.viewer(scene.world.kim)
    with scene.hub.db.write() as session:
        seq = desk.note(session, viewer, cases.get_case(session, case), "They do not pay.")
    scene.tell("customers", case, f"published:{case}:{seq}", seq=seq)
    scene.deliver()
    assert "They do not pay." not in text_of(last(scene)) + text_of(last(scene), "html")


def test_an_entry_of_another_case_is_not_quoted(scene):
    case, other = scene.case(), scene.case()
    publish(scene, other, "Secret of the other case.")
    [entry] = scene.entries("message.published")
    scene.tell("customers", case, f"published:{case}:{entry.seq}", seq=entry.seq)
    scene.deliver()
    assert "Secret" not in text_of(last(scene))


@pytest.mark.parametrize("change", ["ended", "limited"])
def test_no_mail_is_made_of_a_case_that_stopped_being_theirs_since_it_was_due(scene, change):
    case = scene.case()
    scene.tell("customers", case, "published:1")
    with scene.hub.db.write() as session:
        [due] = outbox.claim(session, 1, timedelta(minutes=1))
    delivery.attempt(scene.hub, due)  # from here on it is Petra's
    with scene.hub.db.write() as session:
        account = session.get_one(Account, scene.world.nordwind.account)
        [(member, _)] = accounts.members_of(session, account.id)
        if change == "ended":
            accounts.end_member(session, HUB, member)
        else:
            site = accounts.add_site(session, HUB, account, "Bremen")
            accounts.change_member(session, HUB, member, limits=Limits(sites=frozenset((site.id,))))
    scene.deliver()
    assert scene.mails() == []
    [missed] = scene.entries("notice.not_sent")
    assert (missed.data["person"], missed.data["why"]) == ("Petra Petersen", NO_LONGER_THEIRS)


# To our own people


def test_an_alert_at_night_says_what_where_since_when_and_why_you(scene):
    with scene.hub.db.write() as session:
        event = SignalEvent(
            natural_key="f1",
            episode_start=clock.now() - timedelta(minutes=5),
            state="firing",
            at=clock.now(),
            severity="critical",
            severity_text="critical",
            title="Link down",
            identifiers=(("circuit", "CIR-4711"),),
        )
        alarm.sound(session, alarm.Source(scene.connection, "Alertmanager"), [event])
    speak(scene, scene.world.kim, "en", "Asia/Tokyo")
    scene.deliver()
    mail = last(scene)
    text = text_of(mail)
    for part in (
        "New case of Nordwind",
        "Alert: Link down (critical), since Mon 2 Mar 2026, 17:55 JST",
        "Service: Nordwind line",
        "Priority: critical",
        "Take it up: https://hub.example.net/desk/nordwind/case/NORD-",
        "because you are responsible for Nordwind: named contact, at any hour",
    ):
        assert part in text, text
    assert mail["Reply-To"].startswith("hub+n")


def test_what_a_customer_wrote_stands_in_the_notice(scene):
    case = scene.case()
    viewer = scene.viewer(scene.world.nordwind.person)
    with scene.hub.db.write() as session:
        written = desk.cases.customer_wrote(
            session, viewer.actor("customer"), cases.get_case(session, case), "Still down."
        )
    scene.tell("responsible", case, f"case-wrote:{case}:{written.seq}", seq=written.seq)
    scene.deliver()
    text = text_of(last(scene))
    assert "Petra Petersen wrote about" in text
    assert "Still down." in text


def test_whoever_is_told_in_place_of_another_reads_why(scene):
    scene.sink.refuse("kim@elbe.example")
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    assert "those before you could not be reached" in text_of(last(scene))


# In any language, with any text


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sort_of_mail_can_be_written_in_every_language(scene, language):
    for person in (scene.world.kim, scene.world.nordwind.person):
        speak(scene, person, language)
    case = scene.case()
    for kind in (*letters.wording.STAFF, *letters.wording.CUSTOMER, "unheard-of"):
        scene.tell("responsible", case, f"{kind}:1")
        scene.tell("customers", case, f"{kind}:2")
    scene.deliver()
    for mail in scene.mails():
        assert f'lang="{language}"' in text_of(mail, "html")
        assert "%(" not in text_of(mail) + text_of(mail, "html")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.seen.append((tag, dict(attrs)))


HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(1)>"><a href="javascript:x">'


def test_no_text_becomes_markup(scene):
    with scene.hub.db.write() as session:
        session.execute(update(Account).values(name=f"A{HOSTILE}"))
        session.execute(update(Assignment).values(reach_name=HOSTILE))
        session.execute(update(Person).values(name=HOSTILE))
    case = scene.case(title=HOSTILE)
    with scene.hub.db.write() as session:
        cases.change(session, HUB, cases.get_case(session, case), customer_title=HOSTILE)
    publish(scene, case, HOSTILE, next_step=HOSTILE)
    scene.tell("responsible", case, "case-opened:1")
    scene.deliver()
    for mail in scene.mails():
        tags = Tags()
        tags.feed(text_of(mail, "html"))
        assert not {tag for tag, _ in tags.seen} & {"script", "img"}
        links = [attrs["href"] for tag, attrs in tags.seen if tag == "a"]
        assert all(link.startswith("https://hub.example.net/") for link in links)
    assert len(scene.mails()) == 2


def test_a_title_on_several_lines_is_one_subject(scene):
    case = scene.case(title="Line\ndown")
    scene.tell("responsible", case, "case-opened:1")
    scene.deliver()
    assert str(last(scene)["Subject"]).endswith("] Line down")


@pytest.mark.parametrize(("colour", "ink"), [("#0f5c6e", "#ffffff"), ("#ffe000", "#000000")])
def test_the_brands_colour_stays_readable(colour, ink):
    letter = Letter("en", "Elbe", colour, "A-1", "Heading", action="Open", link="https://hub.example.net/")
    assert f"color:{ink};text-decoration:none" in as_html(letter)


def test_the_plain_part_has_no_ragged_gaps():
    letter = Letter("en", "Elbe", "#000000", "A-1", "Heading", quote="words", rows=(("A", "b"),))
    assert "\n\n\n" not in as_text(letter)
    assert as_text(letter).startswith("Heading\n\nwords\n\nA: b\n")


def test_a_time_names_its_zone_across_the_change_of_clocks():
    before = clock.utc(clock.datetime.fromisoformat("2026-03-29T00:30:00+00:00"))
    assert moment(before, "Europe/Berlin", "en") == "Sun 29 Mar 2026, 01:30 CET"
    assert moment(before + timedelta(hours=1), "Europe/Berlin", "en") == "Sun 29 Mar 2026, 03:30 CEST"
