"""A notice as a finished mail, composed when it is sent, from what is stored then."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.base.text import N_, one_line, translate
from hub.domain import access, cases, coverage, people
from hub.domain.accounts import Account, Service, Site
from hub.domain.alerts import ALERTS
from hub.domain.cases import Case
from hub.domain.coverage import Responsible
from hub.domain.kinds import NO_ADDRESS, NO_LONGER_THEIRS, NO_VERIFIED_ADDRESS, sentence_of
from hub.domain.outbox import Claimed
from hub.domain.people import Person
from hub.domain.signals import SIGNALS
from hub.domain.timeline import ENTRIES
from hub.flows import addresses, audience
from hub.flows.letters.drawing import Letter, as_html, as_text, moment, speaking
from hub.flows.letters.wording import BY_MONITORING, PRIORITIES, Wording, kind_of, wording_of
from hub.flows.runtime import Hub
from hub.flows.tell import Task
from hub.plugin.contracts import OutMail

MOST_ALERTS = 5

HEADERS: Mapping[str, str] = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""Every mail of the hub says that a machine wrote it, so that machines do not answer (RFC 3834)."""


@dataclass(frozen=True, slots=True)
class Matter:
    """All that a notice may speak of. `entry` is None where the event has none, or it is not the reader's."""

    hub: Hub
    task: Task
    account: Account
    case: Case
    service: Service | None
    site: Site | None
    entry: Any
    responsible: Responsible
    reader: Person
    staff: bool

    def say(self, message: str, **values: object) -> str:
        """A message in the reader's language."""
        return translate(self.reader.language, message, **values)

    def when(self, instant: datetime) -> str:
        """A time in the reader's zone."""
        return moment(instant, self.reader.zone, self.reader.language)


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Why the person cannot be told by mail any more."""

    reason: str


def compose(hub: Hub, session: Session, claimed: Claimed) -> OutMail | Unsendable:
    """The mail of a notice, or why there is none to send: since it was due, much may have changed."""
    task = Task.read(claimed.body)
    assert task.person_id is not None  # a notice is for one person
    matter = _load(hub, session, task, task.person_id)
    address = _address(session, matter)
    if isinstance(address, Unsendable):
        return address
    letter = draw(session, matter)
    kind: addresses.Kind = "note" if matter.staff else "case"
    root = addresses.root_id(hub.settings, hub.keyring, kind, matter.case.id)
    return OutMail(
        delivery_id=str(claimed.id),
        message_id=addresses.message_id(hub.settings, hub.keyring, kind, matter.case.id, claimed.id),
        sender=addresses.sender_address(hub.settings),
        sender_name=_sender_name(matter),
        to=(address,),
        subject=subject_of(matter),
        text=as_text(letter),
        html=as_html(letter),
        reply_to=addresses.reply_address(hub.settings, hub.keyring, kind, matter.case.id),
        headers={**HEADERS, "In-Reply-To": root, "References": root},
    )


def _load(hub: Hub, session: Session, task: Task, person_id: uuid.UUID) -> Matter:
    account = session.get_one(Account, task.account_id)
    case = session.get_one(Case, (task.account_id, task.case_id))
    staff = task.audience != "customers"
    return Matter(
        hub=hub,
        task=task,
        account=account,
        case=case,
        service=session.get(Service, (account.id, case.service_id)) if case.service_id else None,
        site=session.get(Site, (account.id, case.site_id)) if case.site_id else None,
        entry=_entry(session, task, staff),
        responsible=coverage.responsible(session, account.id),
        reader=people.get_person(session, person_id),
        staff=staff,
    )


def _entry(session: Session, task: Task, staff: bool) -> Any:
    """The entry of the event; a customer's mail never draws on an entry that is not the customer's."""
    if task.entry_seq is None:
        return None
    query = select(ENTRIES).where(
        ENTRIES.c.account_id == task.account_id,
        ENTRIES.c.seq == task.entry_seq,
        ENTRIES.c.case_id == task.case_id,
    )
    found = session.execute(query).first()
    return found if found is not None and (staff or found.audience == "customer") else None


def _address(session: Session, matter: Matter) -> str | Unsendable:
    person_id = matter.reader.id
    if matter.staff:
        if not access.may_be_told(session, matter.account, [person_id]):
            return Unsendable(NO_LONGER_THEIRS)
        own = people.addresses_of(session, person_id)
        return own[0] if own else Unsendable(NO_ADDRESS)
    belonging = audience.belongings(session, matter.account.id, [person_id]).get(person_id)
    if belonging is None or not audience.may_see(session, matter.case, person_id, belonging.member):
        return Unsendable(NO_LONGER_THEIRS)
    verified = audience.verified_addresses(session, [person_id]).get(person_id)
    return verified or Unsendable(NO_VERIFIED_ADDRESS)


def _sender_name(matter: Matter) -> str:
    provider, reach = matter.hub.settings.provider_name, matter.responsible.reach.name
    return provider if matter.staff or not reach else f"{reach} ({provider})"


def title_of(matter: Matter) -> str:
    """What the case is called towards this reader."""
    return matter.case.title if matter.staff else matter.case.customer_title or matter.case.number


def subject_of(matter: Matter) -> str:
    """The same for every mail of a case, so that mailboxes keep them together."""
    return one_line(f"[{matter.case.number}] {title_of(matter)}")


def draw(session: Session, matter: Matter) -> Letter:
    """What the mail says, part by part."""
    wording = wording_of(matter.task.event, staff=matter.staff)
    say, facts, hub = matter.say, _facts(matter), matter.hub.settings
    place = "desk" if matter.staff else "portal"
    comes_next, update_by = _outlook(matter)
    return Letter(
        language=matter.reader.language,
        provider=hub.provider_name,
        colour=hub.provider_colour,
        number=matter.case.number,
        heading=_heading(matter, wording, facts),
        lead=_lead(matter, wording, facts),
        quote=(matter.entry.body or "") if matter.entry is not None else "",
        rows=tuple(_rows(session, matter)),
        next_step=comes_next,
        next_update=matter.when(update_by) if update_by else "",
        action=say(wording.action),
        link=f"{hub.base_url}/{place}/{matter.account.slug}/case/{matter.case.number}",
        reach=_reach(matter),
        reason=_reason(matter),
    )


def _facts(matter: Matter) -> dict[str, str]:
    resolved = matter.case.resolved_at
    return {
        "account": matter.account.name,
        "number": matter.case.number,
        "person": matter.entry.actor_name if matter.entry is not None else "",
        "closes": matter.when(resolved + cases.GRACE) if resolved else "",
    }


def _heading(matter: Matter, wording: Wording, facts: Mapping[str, str]) -> str:
    if wording.heading:
        return matter.say(wording.heading, **facts)
    if matter.entry is not None:
        return sentence_of(matter.entry.kind, matter.entry.data, matter.reader.language)
    return matter.say(N_("News on %(number)s"), **facts)


def _lead(matter: Matter, wording: Wording, facts: Mapping[str, str]) -> str:
    """Why it happened, if no entry tells it, and what it means for the reader."""
    why = BY_MONITORING.get(kind_of(matter.task.event), "") if matter.task.entry_seq is None else ""
    told = wording.lead if wording.lead and _has_words(matter, wording) else ""
    return " ".join(matter.say(each, **facts) for each in (why, told) if each)


def _has_words(matter: Matter, wording: Wording) -> bool:
    """A lead that ends in a colon stands only where something follows; a date only where there is one."""
    if wording.lead.endswith(":"):
        return matter.entry is not None and bool(matter.entry.body)
    return "%(closes)s" not in wording.lead or matter.case.resolved_at is not None


def _outlook(matter: Matter) -> tuple[str, datetime | None]:
    """What comes next and by when the reader hears again: for customers, of an open case."""
    if matter.staff or not matter.case.is_open:
        return "", None
    return matter.case.next_step or "", matter.case.next_update_by


def _rows(session: Session, matter: Matter) -> Iterator[tuple[str, str]]:
    say, case = speaking(matter.reader.language), matter.case
    yield say(N_("Case")), f"{case.number} {title_of(matter)}"
    if matter.staff:
        yield say(N_("Account")), matter.account.name
    if case.customer_reference:
        yield say(N_("Your number") if not matter.staff else N_("Their number")), case.customer_reference
    if matter.service is not None:
        yield say(N_("Service")), matter.service.name
    if matter.site is not None:
        yield say(N_("Site")), matter.site.name
    if matter.staff:
        yield say(N_("Priority")), say(PRIORITIES.get(case.priority, case.priority))
        yield from _alerts(session, matter)
    yield say(N_("Since")), matter.when(case.opened_at)


def _alerts(session: Session, matter: Matter) -> Iterator[tuple[str, str]]:
    query = (
        select(SIGNALS.c.title, ALERTS.c.severity, SIGNALS.c.episode_start)
        .join(ALERTS, ALERTS.c.signal_id == SIGNALS.c.id)
        .where(ALERTS.c.account_id == matter.account.id, ALERTS.c.case_id == matter.case.id)
        .where(ALERTS.c.cleared_at.is_(None))
        .order_by(ALERTS.c.raised_at, SIGNALS.c.id)
        .limit(MOST_ALERTS)
    )
    for row in session.execute(query):
        since = matter.say(N_("since %(time)s"), time=matter.when(row.episode_start))
        yield matter.say(N_("Alert")), f"{one_line(row.title)} ({matter.say(row.severity)}), {since}"


def _reach(matter: Matter) -> tuple[str, str, str]:
    reach = matter.responsible.reach
    return ("", "", "") if matter.staff else (reach.name, reach.phone, reach.email)


def _reason(matter: Matter) -> str:
    """Why this mail came to this reader."""
    account = matter.account.name
    if not matter.staff:
        return matter.say(N_("You get this because you follow cases of %(account)s."), account=account)
    if matter.responsible.person_id == matter.reader.id:
        why = matter.responsible.why(matter.reader.language)
        return matter.say(
            N_("You get this because you are responsible for %(account)s: %(why)s."), account=account, why=why
        )
    if matter.case.handler_id == matter.reader.id:
        return matter.say(N_("You get this because you work on %(number)s."), number=matter.case.number)
    return matter.say(N_("You get this because those before you could not be reached."))
