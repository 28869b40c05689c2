"""Who is told of what: the right person, once, never the author, and what is recorded otherwise."""

import uuid
from datetime import timedelta

import pytest
from mail_scene import Scene, mail_scene
from sqlalchemy import select

from hub.base import clock
from hub.domain import accounts, cases, connections, coverage, notices, outbox, people
from hub.domain.accounts import Account, Limits
from hub.domain.audit import HUB
from hub.domain.connections import Connection
from hub.domain.outbox import Delivery
from hub.domain.people import ContactPoint
from hub.flows import audience, delivery, post
from hub.flows.tell import Task, tell


@pytest.fixture
def scene(hub, world):
    with mail_scene(hub, world) as made:
        yield made


def add_person(scene: Scene, name: str, *emails: str, verified: bool = True, **options) -> uuid.UUID:
    with scene.hub.db.write() as session:
        person = people.add_person(session, HUB, name, **options)
        for address in emails:
            people.add_point(session, HUB, person.id, "email", address, verified=verified)
        return person.id


def join(
    scene: Scene, person_id: uuid.UUID, *roles: str, account: uuid.UUID | None = None, **options
) -> None:
    with scene.hub.db.write() as session:
        row = session.get_one(Account, account or scene.world.nordwind.account)
        accounts.add_member(session, HUB, row, people.get_person(session, person_id), roles, **options)


def lose_address(scene: Scene, person_id: uuid.UUID) -> None:
    with scene.hub.db.write() as session:
        for point in people.points_of(session, person_id):
            people.end_point(session, HUB, point)


def test_the_responsible_is_told_once_however_often_it_is_asked_for(scene):
    case = scene.case()
    for event in ("case-opened:1", "case-opened:1", "case-opened:2"):
        scene.tell("responsible", case, event)
    scene.deliver()
    with scene.hub.db.write() as session:  # the same task again, as after a restart
        tell(scene.hub, session, scene.deliveries("tell")[0].body)
    scene.deliver()
    assert scene.sent_to() == ["kim@elbe.example"] * 2
    [first, _] = scene.entries("notice.sent")
    assert first.data["person"] == "Kim Brandt"
    assert (first.audience, first.weight, first.data["channel"]) == ("staff", "detail", "email")
    assert first.sentence == f"Kim Brandt is told by mail: new case {number_of(scene, case)}."


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ("published", "news on {}"),
        ("order-said", "a team wrote about {}"),
        ("handler", "who works on {}"),
        ("something-of-a-plugin", "{}"),
    ],
)
def test_who_was_not_told_is_said_with_the_event_in_words(scene, event, words):
    case = scene.case()
    lose_address(scene, scene.world.kim)
    scene.tell("responsible", case, f"{event}:1")
    scene.deliver()
    [missed] = scene.entries("notice.not_sent")
    assert missed.sentence == (
        f"Kim Brandt was not told ({words.format(number_of(scene, case))}): "
        "there is no e-mail address of theirs."
    )


def number_of(scene: Scene, case: uuid.UUID) -> str:
    with scene.hub.db.read() as session:
        return cases.get_case(session, case).number


def test_the_notice_says_when_it_left(scene):
    case = scene.case()
    scene.tell("responsible", case, "case-opened:1")
    scene.deliver()
    with scene.hub.db.read() as session:
        [notice] = session.query(notices.Notice).all()
    assert notice.delivered_at is not None
    assert (notice.kind, notice.person_id, notice.case_id) == ("case-opened", scene.world.kim, case)


def test_nobody_is_told_of_what_they_did_themselves(scene):
    case = scene.case()
    scene.tell("responsible", case, "case-opened:1", author_id=scene.world.kim)
    scene.tell("customers", case, "case-wrote:1", author_id=scene.world.nordwind.person)
    scene.deliver()
    assert scene.sent_to() == []
    assert scene.entries("duty.nobody_reachable", "notice.not_sent") == []


def test_the_handler_is_told_and_without_one_the_responsible(scene):
    case = scene.case()
    scene.tell("handler", case, "case-wrote:1")
    scene.deliver()
    with scene.hub.db.write() as session:
        cases.set_handler(session, HUB, cases.get_case(session, case), scene.world.maya)
    scene.tell("handler", case, "case-wrote:2")
    scene.deliver()
    assert scene.sent_to() == ["kim@elbe.example", "maya@elbe.example"]


def test_one_person_is_told(scene):
    scene.tell("person", scene.case(), "handler:1", person_id=scene.world.dana)
    scene.deliver()
    assert scene.sent_to() == ["dana@elbe.example"]


def test_who_has_no_address_is_passed_over_and_it_is_said(scene):
    case = scene.case()
    lose_address(scene, scene.world.kim)
    scene.tell("responsible", case, "case-opened:1")
    scene.deliver()
    assert scene.sent_to() == ["dana@elbe.example"]
    [missed] = scene.entries("notice.not_sent")
    assert (missed.data["person"], missed.weight, missed.case_id) == ("Kim Brandt", "headline", case)


def test_where_nobody_can_be_told_that_is_said(scene):
    for person in (scene.world.kim, scene.world.dana, scene.world.rita):
        lose_address(scene, person)
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    assert len(scene.entries("notice.not_sent")) == 3
    [line] = scene.entries("duty.nobody_reachable")
    assert line.weight == "headline"


def test_an_address_that_the_server_refuses_sends_the_notice_on(scene):
    scene.sink.refuse("kim@elbe.example")
    scene.sink.refuse("dana@elbe.example")
    case = scene.case()
    scene.tell("responsible", case, "case-opened:1")
    scene.deliver()
    assert scene.sent_to() == ["rita@elbe.example"]
    missed = scene.entries("notice.not_sent")
    assert [line.data["person"] for line in missed] == ["Kim Brandt", "Dana Krause"]
    assert "no such person" in missed[0].data["why"]


def test_who_was_refused_is_neither_on_the_list_of_the_told_nor_waited_for(scene):
    address, case = scene.world.nordwind.login, scene.case()
    scene.sink.refuse(address)
    scene.tell("customers", case, "published:7")
    scene.deliver()
    assert [line.data["person"] for line in scene.entries("notice.not_sent")] == ["Petra Petersen"]
    with scene.hub.db.read() as session:
        assert notices.told_of(session, scene.world.nordwind.account, [7]) == {}


def test_whose_mail_came_back_was_not_told(scene):
    scene.tell("customers", scene.case(), "published:7")
    scene.deliver()
    with scene.hub.db.write() as session:
        [told] = notices.told_of(session, scene.world.nordwind.account, [7])[7]
        assert told.delivered_at is not None
        [mail] = session.scalars(select(Delivery).where(Delivery.kind == "mail"))
        post.miss(session, Task.read(mail.body), "mailbox unknown")
        assert notices.told_of(session, scene.world.nordwind.account, [7]) == {}


def test_whoever_is_away_is_not_told(scene):
    now = clock.now()
    with scene.hub.db.write() as session:
        away = now - timedelta(hours=1), now + timedelta(days=3)
        coverage.add_absence(session, HUB, scene.world.kim, *away)
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    assert scene.sent_to() == ["dana@elbe.example"]


# Customers


def told_customers(scene: Scene, case: uuid.UUID, event: str = "published:1") -> list[str]:
    scene.tell("customers", case, event)
    scene.deliver()
    return scene.sent_to()


@pytest.mark.parametrize(
    ("role", "told"),
    [
        ("portal_admin", True),
        ("technical", True),
        ("viewer", False),
        ("requester", False),
        ("approver", False),
        ("billing", False),
    ],
)
def test_roles_decide_who_gets_news_where_nothing_else_is_said(scene, role, told):
    join(scene, add_person(scene, "Nils", "nils@nordwind.example"), role)
    assert ("nils@nordwind.example" in told_customers(scene, scene.case())) == told


def test_a_subscription_counts_more_than_the_role(scene):
    viewer = add_person(scene, "Vera", "vera@nordwind.example")
    join(scene, viewer, "viewer", subscriptions={"case_update": ["email"]})
    join(
        scene,
        add_person(scene, "Tom", "tom@nordwind.example"),
        "technical",
        subscriptions={"case_update": []},
    )
    assert told_customers(scene, scene.case()) == ["petra@nordwind.example", "vera@nordwind.example"]


def test_a_requester_hears_of_their_own_cases_and_of_those_they_follow(scene):
    requester = add_person(scene, "Rolf", "rolf@nordwind.example")
    join(scene, requester, "requester", subscriptions={})
    assert told_customers(scene, scene.case()) == ["petra@nordwind.example"]
    own, followed = scene.case(requester_id=requester), scene.case()
    with scene.hub.db.write() as session:
        cases.watch(session, HUB, cases.get_case(session, followed), requester)
    told_customers(scene, own, "published:2")
    told_customers(scene, followed, "published:3")
    assert scene.sent_to().count("rolf@nordwind.example") == 2


def test_a_limited_member_hears_of_their_services_only(scene):
    nordwind = scene.world.nordwind
    with scene.hub.db.write() as session:
        account = session.get_one(Account, nordwind.account)
        other = accounts.add_service(session, HUB, account, "circuit", "Other line").id
    within = Limits(services=frozenset((nordwind.service,)))
    beyond = Limits(services=frozenset((other,)))
    join(scene, add_person(scene, "In", "in@nordwind.example"), "technical", limits=within)
    join(scene, add_person(scene, "Out", "out@nordwind.example"), "technical", limits=beyond)
    told = told_customers(scene, scene.case())
    assert "in@nordwind.example" in told
    assert "out@nordwind.example" not in told


def test_whoever_is_limited_to_a_site_hears_of_no_other_site_though_they_subscribed(scene):
    with scene.hub.db.write() as session:
        account = session.get_one(Account, scene.world.nordwind.account)
        kiel, bremen = (accounts.add_site(session, HUB, account, city).id for city in ("Kiel", "Bremen"))
    tim = add_person(scene, "Tim", "tim@nordwind.example")
    within, asked = Limits(sites=frozenset((kiel,))), {"case_update": ["email"]}
    join(scene, tim, "technical", limits=within, subscriptions=asked)
    told = {}
    for site in (kiel, bremen):
        case = scene.case(site_id=site, service_id=None)
        with scene.hub.db.read() as session:
            told[site] = audience.customers_of(session, cases.get_case(session, case))
    petra = scene.world.nordwind.person
    assert (set(told[kiel]), set(told[bremen])) == ({tim, petra}, {petra})


def test_customers_hear_nothing_of_a_case_that_is_not_theirs_yet(scene):
    assert told_customers(scene, scene.case(shared=False)) == []


def test_an_address_that_nobody_verified_gets_nothing_and_that_is_said(scene):
    stranger = add_person(scene, "Uwe", "uwe@nordwind.example", verified=False)
    join(scene, stranger, "technical")
    assert told_customers(scene, scene.case()) == ["petra@nordwind.example"]
    [line] = scene.entries("notice.not_sent")
    assert (line.data["person"], line.audience) == ("Uwe", "staff")


def test_a_function_is_told_like_a_person(scene):
    join(scene, add_person(scene, "Nordwind NOC", "noc@nordwind.example", kind="function"), "technical")
    assert "noc@nordwind.example" in told_customers(scene, scene.case())


def test_members_of_the_parent_account_are_told(scene):
    with scene.hub.db.write() as session:
        group = accounts.add_account(session, HUB, "Group", prefix="GRP")
        coverage.move_account(session, HUB, session.get_one(Account, scene.world.nordwind.account), group)
        group_id = group.id
    join(scene, add_person(scene, "Gerd", "gerd@group.example"), "technical", account=group_id)
    limited = Limits(services=frozenset())
    join(scene, add_person(scene, "Lia", "lia@group.example"), "technical", account=group_id, limits=limited)
    assert told_customers(scene, scene.case()) == ["gerd@group.example", "petra@nordwind.example"]


def test_somebody_who_left_before_the_mail_went_gets_none(scene):
    case = scene.case()
    scene.tell("customers", case, "published:1")
    with scene.hub.db.write() as session:
        [claimed] = outbox.claim(session, 1, timedelta(minutes=1))
    delivery.attempt(scene.hub, claimed)
    with scene.hub.db.write() as session:
        [(member, _)] = accounts.members_of(session, scene.world.nordwind.account)
        accounts.end_member(session, HUB, member)
    scene.deliver()
    assert scene.sent_to() == []
    [line] = scene.entries("notice.not_sent")
    assert line.data["person"] == "Petra Petersen"


def test_other_accounts_hear_nothing(scene):
    assert "ben@bolt.example" not in told_customers(scene, scene.case())


def test_only_the_first_address_is_used(scene):
    with scene.hub.db.write() as session:
        people.add_point(session, HUB, scene.world.kim, "email", "kim.private@elbe.example", verified=True)
        assert len(session.query(ContactPoint).filter_by(person_id=scene.world.kim).all()) == 2
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    assert scene.sent_to() == ["kim@elbe.example"]


# Faults


def test_without_a_mail_connection_the_mail_waits_and_says_why(hub, world):
    with mail_scene(hub, world) as scene:
        with scene.hub.db.write() as session:
            session.query(Connection).update({"enabled": False})
        scene.tell("responsible", scene.case(), "case-opened:1")
        scene.deliver()
        [mail] = scene.deliveries("mail")
        assert mail.state == "due"
        assert "connection" in mail.last_error


def test_a_busy_server_delays_the_mail_and_loses_nothing(moving_clock, scene):
    scene.sink.script("busy")
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    assert scene.deliveries("mail")[0].state == "due"
    with scene.hub.db.read() as session:
        assert "451" in connections.events(session, scene.connection)[0].sentence
    moving_clock.forward(timedelta(minutes=1))
    scene.deliver()
    assert scene.deliveries("mail")[0].state == "done"


def test_an_uncertain_mail_is_sent_once_more_with_the_same_id(moving_clock, scene):
    scene.sink.script("drop")
    scene.tell("responsible", scene.case(), "case-opened:1")
    scene.deliver()
    assert scene.deliveries("mail")[0].state == "unknown"
    moving_clock.forward(timedelta(minutes=1))
    scene.deliver()
    first, second = scene.mails()
    assert first["Message-ID"] == second["Message-ID"]
    assert len(scene.entries("delivery.unknown")) == 1
    moving_clock.forward(timedelta(days=1))
    scene.deliver()
    assert len(scene.mails()) == 2
