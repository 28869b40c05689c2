"""Accounts and what belongs to them: every change is a line, wrong input changes nothing."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base import clock
from hub.base.errors import Invalid, NotFound
from hub.domain import accounts, people
from hub.domain.accounts import Account, Limits, Membership
from hub.domain.audit import HUB, Actor, AuditLine
from hub.domain.timeline import Entry
from hub.flows.runtime import Hub
from hub.testing.fixtures import MovingClock

RITA = Actor("staff", "Rita Okafor")


@pytest.fixture
def session(hub: Hub, moving_clock: MovingClock) -> Iterator[Session]:
    with hub.db.write() as opened:
        yield opened


@pytest.fixture
def acme(session: Session) -> Account:
    return accounts.add_account(
        session, RITA, "Acme GmbH", prefix="acme", language="de", zone="Europe/Berlin"
    )


def lines(session: Session, account: Account) -> list[Entry]:
    query = select(Entry).where(Entry.account_id == account.id).order_by(Entry.seq)
    return list(session.scalars(query))


def kinds(session: Session, account: Account) -> list[str]:
    return [line.kind for line in lines(session, account)]


def test_a_new_account_has_a_timeline_that_begins_with_it(session: Session, acme: Account) -> None:
    assert (acme.slug, acme.prefix, acme.alert_threshold) == ("acme-gmbh", "ACME", "major")
    [first] = lines(session, acme)
    assert (first.seq, first.kind, first.weight, first.audience) == (
        1,
        "account.created",
        "headline",
        "staff",
    )
    assert (first.actor_name, first.data) == ("Rita Okafor", {"name": "Acme GmbH"})


def test_addresses_of_accounts_are_free_or_refused(session: Session, acme: Account) -> None:
    assert accounts.add_account(session, RITA, "ACME GmbH", prefix="ACM").slug == "acme-gmbh-2"
    assert accounts.add_account(session, RITA, "Acme GmbH!", prefix="ACM").slug == "acme-gmbh-3"
    assert accounts.add_account(session, RITA, "Other", prefix="OTH", slug="chosen").slug == "chosen"
    for wrong in ("chosen", "Not A Slug", "a/b", "\u6771"):
        with pytest.raises(Invalid) as refused:
            accounts.add_account(session, RITA, "Other", prefix="OTH", slug=wrong)
        assert "slug" in refused.value.fields


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"prefix": "1AB"},
        {"prefix": "A"},
        {"prefix": "TOOLONGPREFIX"},
        {"prefix": "A-B"},
        {"language": "xx"},
        {"zone": "Europe/Nowhere"},
        {"alert_threshold": "awful"},
        {"share_severity": "awful"},
        {"share_after_minutes": -1},
        {"share_after_minutes": 100_000},
    ],
    ids=str,
)
def test_wrong_values_are_refused_by_name_and_leave_no_line(
    session: Session, acme: Account, wrong: dict[str, Any]
) -> None:
    with pytest.raises(Invalid) as refused:
        accounts.change_account(session, RITA, acme, **wrong)
    assert refused.value.fields.keys() == wrong.keys()
    assert kinds(session, acme) == ["account.created"]


def test_a_change_says_what_was_changed_and_nothing_when_nothing_was(session: Session, acme: Account) -> None:
    accounts.change_account(session, RITA, acme, name="Acme AG", share_severity="critical", restricted=True)
    accounts.change_account(session, RITA, acme, name="Acme AG")
    [_, line] = lines(session, acme)
    assert line.kind == "account.changed"
    assert line.data["changed"]["name"] == {"from": "Acme GmbH", "to": "Acme AG"}
    assert set(line.data["what"]) == {"name", "share_severity", "restricted"}
    with pytest.raises(TypeError):
        accounts.change_account(session, RITA, acme, slug="other")
    with pytest.raises(TypeError):
        accounts.change_account(session, RITA, acme, parent_id=None)


def test_places_and_services_leave_lines_that_point_at_them(session: Session, acme: Account) -> None:
    site = accounts.add_site(session, RITA, acme, "Kiel", address="Hafen 1\r\n24103 Kiel")
    assert (site.zone, site.address) == ("Europe/Berlin", "Hafen 1\n24103 Kiel")
    service = accounts.add_service(session, RITA, acme, "circuit", "Kiel line", site_id=site.id)
    accounts.change_site(session, RITA, site, name="Kiel harbour")
    accounts.change_service(session, RITA, service, closed_at=clock.now())
    assert kinds(session, acme)[1:] == ["site.added", "service.added", "site.changed", "service.changed"]
    _, at_site, at_service, _, ended = lines(session, acme)
    assert (at_site.site_id, at_service.service_id, at_service.site_id) == (site.id, service.id, site.id)
    assert ended.weight == "headline"
    assert accounts.services_of(session, acme.id) == []
    assert accounts.sites_of(session, acme.id) == [site]


def test_a_service_points_only_at_places_of_its_own_account(session: Session, acme: Account) -> None:
    bolt = accounts.add_account(session, RITA, "Bolt", prefix="BOLT")
    foreign_site = accounts.add_site(session, RITA, bolt, "Oslo")
    foreign_service = accounts.add_service(session, RITA, bolt, "circuit", "Oslo line")
    for field, value in (("site_id", foreign_site.id), ("partner_id", foreign_service.id)):
        with pytest.raises(Invalid) as refused:
            accounts.add_service(session, RITA, acme, "circuit", "Line", **{field: value})
        assert field in refused.value.fields


def test_an_identifier_has_a_life_and_may_be_anothers_too(
    session: Session, acme: Account, moving_clock: MovingClock
) -> None:
    service = accounts.add_service(session, RITA, acme, "circuit", "Kiel line")
    first = accounts.add_identifier(session, RITA, service, "circuit", " CIR-1 ")
    assert (first.value, first.audience) == ("CIR-1", "staff")
    assert accounts.add_identifier(session, RITA, service, "circuit", "CIR-1").id == first.id
    bolt = accounts.add_account(session, RITA, "Bolt", prefix="BOLT")
    shared = accounts.add_service(session, RITA, bolt, "circuit", "Shared line")
    accounts.add_identifier(session, RITA, shared, "circuit", "CIR-1")
    moving_clock.forward(timedelta(days=1))
    accounts.end_identifier(session, RITA, first)
    accounts.end_identifier(session, RITA, first)
    assert accounts.identifiers_of(session, acme.id) == []
    assert len(accounts.identifiers_of(session, bolt.id)) == 1
    again = accounts.add_identifier(session, RITA, service, "circuit", "CIR-1")
    assert again.id != first.id, "the past of an identifier is kept"
    said = [line.sentence for line in lines(session, acme) if line.kind.startswith("identifier")]
    assert len(said) == 3
    with pytest.raises(Invalid):
        accounts.add_identifier(session, RITA, service, "circuit", " ")
    with pytest.raises(Invalid):
        accounts.add_identifier(session, RITA, service, "circuit", "CIR-2", audience="everybody")


def test_people_come_change_and_leave(session: Session, acme: Account, moving_clock: MovingClock) -> None:
    petra = people.add_person(session, RITA, "Petra Petersen")
    site = accounts.add_site(session, RITA, acme, "Kiel")
    member = accounts.add_member(session, RITA, acme, petra, ["viewer", "requester"])
    assert member.roles == ["requester", "viewer"], "in the order of the roles"
    assert (
        session.scalars(select(Entry.sentence)).all()[-1]
        == "Petra Petersen joined with the roles requester, viewer."
    )
    assert member.subscriptions == {}, "what they did not choose goes by their role"
    with pytest.raises(Invalid, match="already"):
        accounts.add_member(session, RITA, acme, petra, ["viewer"])
    limits = Limits(sites=frozenset({site.id}))
    accounts.change_member(session, RITA, member, roles=["viewer"], limits=limits, subscriptions={})
    assert Limits.read(member.limits) == limits
    accounts.change_member(session, RITA, member, limits=Limits())
    assert member.limits == {}
    accounts.end_member(session, RITA, member)
    moving_clock.forward(timedelta(days=1))
    assert accounts.members_of(session, acme.id) == []
    back = accounts.add_member(session, RITA, acme, petra, ["technical"])
    assert back.id == member.id
    assert accounts.members_of(session, acme.id) == [(back, petra)]
    assert len(session.scalars(select(Membership)).all()) == 1
    assert [kind for kind in kinds(session, acme) if kind.startswith("member")] == [
        *("member.added", "member.changed", "member.changed", "member.ended", "member.added")
    ]


def test_memberships_that_mean_nothing_are_refused(session: Session, acme: Account) -> None:
    petra = people.add_person(session, RITA, "Petra Petersen")
    bolt = accounts.add_account(session, RITA, "Bolt", prefix="BOLT")
    foreign = accounts.add_site(session, RITA, bolt, "Oslo")
    for roles, limits in (([], None), (["boss"], None), (["viewer"], Limits(sites=frozenset({foreign.id})))):
        with pytest.raises(Invalid):
            accounts.add_member(session, RITA, acme, petra, roles, limits=limits)
    assert kinds(session, acme) == ["account.created"]


def test_sentences_follow_the_accounts_language(session: Session, acme: Account) -> None:
    accounts.change_account(session, RITA, acme, language="en")
    accounts.close_account(session, RITA, acme)
    accounts.close_account(session, RITA, acme)
    assert lines(session, acme)[-1].sentence == "The account was changed: end."
    assert kinds(session, acme)[1:] == ["account.changed", "account.changed"]


def test_settings_are_kept_with_a_line(session: Session) -> None:
    assert accounts.setting(session, "brand") is None
    accounts.put_setting(session, RITA, "brand", {"colour": "blue"})
    accounts.put_setting(session, RITA, "brand", {"colour": "blue"})
    accounts.put_setting(session, RITA, "brand", {"colour": "red"})
    assert accounts.setting(session, "brand") == {"colour": "red"}
    changed = session.scalars(select(AuditLine).where(AuditLine.action == "setting.changed")).all()
    assert len(changed) == 2


def test_unknown_accounts_are_not_found(session: Session, acme: Account) -> None:
    assert accounts.get_account(session, acme.id) is acme
    with pytest.raises(NotFound):
        accounts.get_account(session, people.add_person(session, HUB, "X").id)
