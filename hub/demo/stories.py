"""What has begun when the demo starts: a matter for each customer, not all of it about machines."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy.orm import Session

from hub.base import clock
from hub.domain import access, accounts, teams
from hub.domain.accounts import Account
from hub.domain.cases import CaseType, NewCase
from hub.domain.people import Person
from hub.flows import desk, portal
from hub.flows.portal import Report


def begin(session: Session, cast: Mapping[str, Person]) -> None:
    """Let customers report and contacts act, by the same flows that the pages call. `cast` is by login."""
    _seasonal_staff(session, cast)
    _more_seats(session, cast)
    _slow_line(session, cast)


def _place(
    session: Session, cast: Mapping[str, Person], login: str, slug: str, lens: str
) -> tuple[access.Viewer, Account]:
    viewer = access.viewer_of(session, cast[login].id)
    return viewer, access.account(session, viewer, lens, slug)


def _seasonal_staff(session: Session, cast: Mapping[str, Person]) -> None:
    """A request to the people desk, answered with a next step."""
    grace, account = _place(session, cast, "grace@merlion.example", "merlion", "customer")
    case = portal.report(
        session,
        grace,
        account,
        Report(
            title="Twelve seasonal staff start on 1 December",
            text="Please prepare contracts, badges and cold store training for twelve people.",
            case_type=CaseType.SERVICE_REQUEST,
            category="people",
            impact="none",
            customer_reference="HR-2291",
        ),
    )
    wei_ling, _ = _place(session, cast, "weiling@elbe.example", "merlion", "staff")
    desk.publish_to_customer(
        session,
        wei_ling,
        case,
        "Thank you, Grace. Badges are ordered; the training is on 28 November at 09:00 in hall B.",
        next_step="You get the list of contracts to sign",
        next_update_by=clock.now() + timedelta(hours=4),
    )


def _more_seats(session: Session, cast: Mapping[str, Person]) -> None:
    """A question that nobody has answered yet."""
    daniel, account = _place(session, cast, "daniel@hudson.example", "hudson", "customer")
    portal.report(
        session,
        daniel,
        account,
        Report(
            title="Twenty more telephone seats before the holidays?",
            text="We open a second reception. Can we have twenty more seats by mid December?",
            case_type=CaseType.QUESTION,
            category="telephony",
            impact="none",
        ),
    )


def _slow_line(session: Session, cast: Mapping[str, Person]) -> None:
    """A call that became a case and a work order; the team's answers come in while one watches."""
    kim, account = _place(session, cast, "kim@elbe.example", "nordwind", "staff")
    line = next(s for s in accounts.services_of(session, account.id) if s.name.startswith("Line"))
    case = desk.open_case(
        session,
        kim,
        account,
        NewCase(
            title="Line Hamburg to Bremen feels slow",
            customer_title="Slow line between Hamburg and Bremen",
            category="network",
            service_id=line.id,
        ),
        share=True,
    )
    desk.log_call(
        session, kim, case, "Elke Petersen", "She sees 30 % packet loss since this morning.", direction="in"
    )
    desk.place_order(
        session,
        kim,
        case,
        teams.find(session, "fibre-team"),
        "Measure CIR-4711",
        "Packet loss of 30 % since this morning. Please measure the line from both ends.",
        clock.now() + timedelta(hours=2),
    )
    desk.publish_to_customer(
        session,
        kim,
        case,
        "We are measuring the line from both ends. If you wish, traffic moves to the backup line meanwhile.",
        next_step="Result of the measurement",
        next_update_by=clock.now() + timedelta(minutes=45),
    )
