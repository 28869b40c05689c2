"""The main job with nothing imitated: from a real alert to a case that the customer closes."""

import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from main_job_scene import BEN, KIM, PETRA, TEAM_MEMBER, Scene, read, reply_to, running
from playwright.sync_api import Page, expect

from hub.flows.runtime import Hub
from hub.testing.peers.browser import browser
from hub.testing.peers.mail import mail_system
from hub.testing.peers.request_tracker import request_tracker
from hub.testing.world import World

pytestmark = pytest.mark.real

LABELS = {"alertname": "LinkDown", "customer": "NW", "severity": "critical", "circuit": "CIR-4711"}
TASK = "Please measure the fibre of CIR-4711 and splice it."
TEAM_ANSWER = "Break found at km 12, a splicer is on the way."
TEAM_SECRET = "The excavator of Muster Bau did it, do not tell yet."
SENTENCE = "Your line is cut at a building site; we are splicing it."
NEXT_STEP = "Splicing at km 12"
REPLY = "Thank you, we have moved the phones to the mobile backup."


@pytest.fixture
def scene(hub: Hub, world: World, tmp_path: Path) -> Iterator[Scene]:
    with (
        mail_system() as mail,
        request_tracker() as rt,
        browser() as chromium,
        running(hub, world, mail, rt, chromium, tmp_path / "hub.log") as scene,
    ):
        yield scene


def test_one_alert_one_contact_one_timeline(scene: Scene, world: World):
    number = the_alert_opens_a_case(scene)
    desk, portal = f"/desk/nordwind/case/{number}", f"/portal/nordwind/case/{number}"
    with scene.signed_in(world.nordwind.login) as customer, scene.signed_in("kim@elbe.example") as contact:
        it_is_on_this_account_only(scene, contact, number)
        assert nothing_is_told(scene, customer, portal)
        ticket = the_team_gets_a_work_order(scene, contact, desk)
        the_team_answers(scene, contact, desk, ticket)
        told = the_customer_is_told(scene, contact, customer, desk, portal)
        the_customer_answers_by_mail(scene, contact, customer, desk, portal, told)
        the_team_is_done(scene, contact, desk, ticket)
        the_alert_is_over(scene, customer, portal)
        the_customer_confirms(scene, contact, customer, desk)
        everything_stands_on_the_timeline(contact, number)
    nobody_was_told_twice(scene)
    assert not re.search("Traceback|timer.failed", scene.log.read_text()), scene.log.read_text()


def the_alert_opens_a_case(scene: Scene) -> str:
    scene.monitoring.fire(LABELS, {"summary": "Link down on CIR-4711"})
    mail = scene.letter(KIM, "New case of Nordwind", "Link down on CIR-4711")
    found = re.search(r"\[(\S+)\]", mail["Subject"])
    assert found, mail["Subject"]
    return found.group(1)


def it_is_on_this_account_only(scene: Scene, contact: Page, number: str) -> None:
    scene.shown(contact, "/desk/nordwind", number, "Link down on CIR-4711")
    contact.goto("/desk/bolt")
    expect(contact.locator("main")).not_to_contain_text(number)


def nothing_is_told(scene: Scene, customer: Page, portal: str) -> bool:
    """A case that was not shared does not exist for the customer."""
    answer = customer.goto(portal)
    return answer is not None and answer.status == 404 and scene.mail.messages(PETRA) == []


def the_team_gets_a_work_order(scene: Scene, contact: Page, desk: str) -> int:
    contact.goto(f"{desk}?compose=order")
    composer = contact.locator("#composer")
    composer.locator("[name=team]").select_option(label="NOC")
    composer.locator("[name=title]").fill("Fibre cut CIR-4711")
    composer.locator("[name=body]").fill(TASK)
    composer.get_by_role("button", name="Place the order").click()
    expect(contact.locator("main")).to_contain_text("Fibre cut CIR-4711")
    ticket = scene.ticket()
    assert "Fibre cut CIR-4711" in scene.rt.ticket(ticket)["Subject"]
    [created] = [item for item in scene.rt.history(ticket) if item["Type"] == "Create"]
    assert TASK in created["Content"]
    return ticket


def the_team_answers(scene: Scene, contact: Page, desk: str, ticket: int) -> None:
    scene.rt.set_status(ticket, "open", by=TEAM_MEMBER)
    scene.rt.comment(ticket, TEAM_SECRET, by=TEAM_MEMBER)
    scene.rt.correspond(ticket, TEAM_ANSWER, by=TEAM_MEMBER)
    scene.shown(contact, desk, TEAM_ANSWER)
    scene.shown(contact, f"{desk}?details=1", TEAM_ANSWER, TEAM_SECRET)
    order = contact.locator("article", has_text="Fibre cut CIR-4711").first
    expect(order).to_contain_text("in progress")


def the_customer_is_told(scene: Scene, contact: Page, customer: Page, desk: str, portal: str) -> EmailMessage:
    contact.goto(f"{desk}?compose=answer")
    composer = contact.locator("#composer")
    composer.locator("[name=body]").fill(SENTENCE)
    composer.locator("[name=customer_title]").fill("Line down")
    composer.get_by_text("Next step:").click()
    composer.locator("[name=next_step]").fill(NEXT_STEP)
    composer.get_by_role("button", name="Send to customer").click()
    expect(contact.get_by_text("Sent to the customer.")).to_be_visible()

    scene.shown(customer, portal, SENTENCE, NEXT_STEP, "Kim of Elbe Connect")
    told = scene.letter(PETRA, SENTENCE)
    assert NEXT_STEP in read(told)
    for ours in (TASK, TEAM_ANSWER, TEAM_SECRET):
        assert ours not in customer.content()
        assert ours not in told.as_string()
    return told


def the_customer_answers_by_mail(
    scene: Scene, contact: Page, customer: Page, desk: str, portal: str, told: EmailMessage
) -> None:
    raw = reply_to(told, REPLY)
    scene.mail.send(raw, PETRA, told["Reply-To"].addresses[0].addr_spec)
    scene.shown(contact, desk, REPLY, "Petra Petersen")
    scene.shown(customer, portal, REPLY)
    scene.letter(KIM, REPLY)


def the_team_is_done(scene: Scene, contact: Page, desk: str, ticket: int) -> None:
    scene.rt.set_status(ticket, "resolved", by=TEAM_MEMBER)
    order = contact.locator("article", has_text="Fibre cut CIR-4711").first

    def done() -> bool:
        contact.goto(desk)
        return "done" in order.inner_text()

    scene.wait(done, order.inner_text)
    # The line is still down, whatever the team says.
    expect(contact.locator("main")).not_to_contain_text("Solved; waits for the customer's word")


def the_alert_is_over(scene: Scene, customer: Page, portal: str) -> None:
    scene.monitoring.resolve(LABELS)
    scene.shown(customer, portal, "Is it solved?", "Solved, please confirm")
    scene.letter(PETRA, "is solved", "the fault is over.", "Please confirm that it works")


def the_customer_confirms(scene: Scene, contact: Page, customer: Page, desk: str) -> None:
    customer.get_by_role("button", name="Yes, it is solved").click()
    expect(customer.get_by_text("Thank you. The case is closed.")).to_be_visible()
    contact.goto(desk)
    expect(contact.locator(".head").last).to_contain_text("closed")


def everything_stands_on_the_timeline(contact: Page, number: str) -> None:
    """One page of the account tells the whole story, newest first, and nothing twice."""
    story = [
        f"The solution of {number} was confirmed.",
        f"{number} is solved: Line down. Monitoring reports that the fault is over.",
        "NOC on WO-101: done.",
        REPLY,
        SENTENCE,
        TEAM_ANSWER,
        "WO-101 was placed with NOC",
        f"{number} was opened: Nordwind line: Link down on CIR-4711",
    ]
    contact.goto("/desk/nordwind")
    said = contact.locator("#timeline").inner_text()
    assert [said.count(text) for text in story] == [1] * len(story), said
    assert sorted(story, key=said.index) == story, said

    contact.goto("/desk/nordwind?details=1")
    details = contact.locator("#timeline").inner_text()
    assert f"Kim Brandt is told by mail: new case {number}" in details
    # What we wrote into the ticket does not come back as something new.
    once = [
        "Alertmanager reports: Link down on CIR-4711",
        "Alertmanager reports the end of: Link down on CIR-4711 on Nordwind line.",
        *(TASK, TEAM_ANSWER, TEAM_SECRET),
    ]
    assert [details.count(text) for text in once] == [1] * len(once), details


def nobody_was_told_twice(scene: Scene) -> None:
    for address in (KIM, PETRA):
        letters = [read(mail) for mail in scene.mail.messages(address)]
        assert len(set(letters)) == len(letters), letters
    assert scene.mail.messages(BEN) == []
