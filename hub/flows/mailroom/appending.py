"""Appending a mail to a case or a work order, if its sender may speak there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from hub.base.text import one_line
from hub.domain import access, attachments, cases, people, timeline, workorders
from hub.domain.accounts import Account
from hub.domain.audit import HUB, Actor
from hub.domain.cases import Case
from hub.domain.connections import Connection
from hub.domain.kinds import Kind
from hub.domain.people import Person, PointKind
from hub.domain.teams import Team
from hub.domain.timeline import NewEntry
from hub.domain.workorders import WorkOrder
from hub.flows import audience, desk, portal
from hub.flows.mailroom.pointing import Pointer
from hub.flows.mailroom.reading import Mail
from hub.flows.mailroom.words import Words, words_of
from hub.flows.runtime import Hub

GONE = "What it answers does not exist any more."
STRANGER = "Its sender is not known."
NOT_THEIRS = "Its sender is known, but not as somebody who may write about this case."
NOT_OURS = "Its sender is none of us."
NOT_THE_TEAM = "Its sender is not the team that the work order was placed with."


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a mail that was not parked."""

    outcome: str


def append(hub: Hub, session: Session, mail: Mail, raw: bytes, pointer: Pointer) -> Appended | str:
    """Append a mail to what it points at; a sentence where it must not be."""
    if pointer.kind == "order":
        return _to_order(hub, session, mail, raw, pointer)
    case = cases.get_case(session, pointer.object_id)
    if case is None:
        return GONE
    if mail.machine:
        return _note_machine(session, mail, case)
    if pointer.kind == "note":
        return _to_staff(hub, session, mail, raw, case)
    return _to_case(hub, session, mail, raw, case)


def _to_case(hub: Hub, session: Session, mail: Mail, raw: bytes, case: Case) -> Appended | str:
    speaker = speaker_of(session, mail, case)
    if isinstance(speaker, str):
        return speaker
    actor = Actor("customer", speaker.name, speaker.id)
    words = _words(hub, session, mail, raw, case)
    portal.wrote(session, actor, case, words.text, channel="email", files=words.files)
    return Appended("appended")


def speaker_of(session: Session, mail: Mail, case: Case) -> Person | str:
    """The person of the customer who wrote a mail and may speak on a case; a sentence where there is none."""
    known = people.find_by_point(session, PointKind.EMAIL, mail.sender)
    if not known:
        return STRANGER
    theirs = audience.belongings(session, case.account_id, [person.id for person in known])
    for person in known:
        belonging = theirs.get(person.id)
        if belonging is None or not belonging.member.roles & set(portal.SPEAKERS):
            continue
        if audience.may_see(session, case, person.id, belonging.member):
            return person
    return NOT_THEIRS


def _to_staff(hub: Hub, session: Session, mail: Mail, raw: bytes, case: Case) -> Appended | str:
    """One of us answers a notice: that stays among us."""
    for person in people.find_by_point(session, PointKind.EMAIL, mail.sender):
        viewer = access.viewer_of(session, person.id)
        if viewer.roles & set(desk.WORKERS) and case.account_id not in viewer.hidden:
            words = _words(hub, session, mail, raw, case)
            desk.note(session, viewer, case, words.text, files=words.files)
            return Appended("appended")
    return NOT_OURS


def _to_order(hub: Hub, session: Session, mail: Mail, raw: bytes, pointer: Pointer) -> Appended | str:
    order = workorders.get_order(session, pointer.object_id)
    if order is None:
        return GONE
    case = session.get_one(Case, (order.account_id, order.case_id))
    if mail.machine:
        return _note_machine(session, mail, case)
    team = session.get_one(Team, order.team_id)
    if not speaks_for(session, team, mail.sender):
        return NOT_THE_TEAM
    team_said(session, team, order, mail, _words(hub, session, mail, raw, case))
    return Appended("appended")


def team_said(session: Session, team: Team, order: WorkOrder, mail: Mail, words: Words) -> int:
    """Put the words of a mail onto a work order as its team's; the caller has checked that they are."""
    actor, author = Actor("team", team.name, team.id), mail.sender_name or mail.sender
    seq = desk.order_said(session, actor, order, author, words.text, channel="email")
    assert seq is not None  # the words of a mail are never empty
    attachments.add(session, order.account_id, seq, "staff", words.files, case_id=order.case_id)
    return seq


def speaks_for(session: Session, team: Team, sender: str) -> bool:
    """Whether a mail address is a team's: its own, one of its connection's, or at a domain that the
    connection names (`@team.example`). Providers that work by mail have the settings `address` and
    `answers_from` for that."""
    connection = session.get(Connection, team.connection_id) if team.connection_id else None
    named: Mapping[str, Any] = connection.settings if connection is not None else {}
    accepted = {team.email, str(named.get("address", "")), *map(str, named.get("answers_from", ()))}
    known = {each.strip().lower() for each in accepted if each.strip()}
    return bool(sender) and (sender in known or f"@{sender.rpartition('@')[2]}" in known)


def _words(hub: Hub, session: Session, mail: Mail, raw: bytes, case: Case) -> Words:
    language = session.get_one(Account, case.account_id).language
    return words_of(mail, raw, language, domain=hub.settings.mail_domain)


def _note_machine(session: Session, mail: Mail, case: Case) -> Appended:
    """An automatic answer is nobody's word: staff find it among the details, and nobody is woken."""
    sender = mail.sender_name or mail.sender
    facts = {"person": HUB.name, "by": "machine", "sender": sender, "subject": one_line(mail.subject)}
    line = NewEntry(case.account_id, Kind.NOTE, HUB, facts, weight="detail", case_id=case.id)
    line.body = mail.text[:2000].strip() or None
    line.channel, line.direction = "email", "in"
    timeline.append(session, line)
    return Appended("noted")
