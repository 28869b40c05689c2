"""The desk: what is mine now, the accounts, and the one page of each account."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue

from hub.base import clock
from hub.base.text import one_line
from hub.domain import reading
from hub.domain.accounts import Account
from hub.domain.coverage.why import sentence
from hub.domain.people import StaffRole
from hub.web import desk_read, doors, lines, writing
from hub.web.look import Look, ways
from hub.web.pages import page
from hub.web.state_words import DUTIES, choices
from hub.web.words import language
from hub.web.writing import Writing

desk = Blueprint("desk", __name__, url_prefix="/desk")
desk.before_request(doors.enter_desk)

MENDERS = (StaffRole.LEAD, StaffRole.ADMIN)
"""Those who may put an entry right, or empty it."""


@desk.get("")
def home() -> ResponseReturnValue:
    """My day."""
    return page("desk/home.html", home=desk_read.home(doors.session(), doors.viewer()))


@desk.get("/accounts")
def accounts() -> ResponseReturnValue:
    """Every account that I may see, by name."""
    words = one_line(request.args.get("q", ""), 100)
    rows, after = desk_read.accounts(doors.session(), doors.viewer(), words, request.args.get("after"))
    return page("desk/accounts.html", rows=rows, words=words, after=after)


@desk.get("/<slug>")
def account(slug: str) -> ResponseReturnValue:
    """One account: the composer on top, the timeline below, what is due at the side."""
    found = doors.account(slug)
    return account_page(found, writing.blank(found))


@desk.post("/<slug>/write/<any(answer, note, order, call):kind>")
def write(slug: str, kind: str) -> ResponseReturnValue:
    """Publish, note, order or log from the account's page, about the case that was chosen."""
    found = doors.account(slug)
    composer = writing.posted(found, kind)
    done = writing.act(composer, found)
    return done or account_page(found, composer)


def account_page(found: Account, composer: Writing) -> ResponseReturnValue:
    """The account's page with a composer as it stands."""
    session, look = doors.session(), Look.of_request()
    view = look.view()
    shown = reading.page(session, found.id, view)
    opened = lines.unfolded(session, found.id, shown, view, look.opened)
    there = around(found, [*shown.lines, *(line for group in opened.values() for line in group)], look.lens)
    return page(
        "desk/account.html",
        composer.form.status,
        account=found,
        days=lines.days(shown.lines, there, opened),
        look=ways(look, shown, "desk.account", slug=found.slug),
        case_link=there.case_link,
        mend=mend_link(found),
        side=desk_read.side(session, found, clock.now()),
        duty_words=dict(choices(DUTIES)),
        why_not=lambda rung: sentence([rung.reason], language()),
        writing=composer,
        posted=[composer.form],
    )


def mend_link(found: Account) -> Callable[[int], str] | None:
    """Where an entry of the account is put right, for who may; None for everybody else."""
    if not doors.viewer().roles & set(MENDERS):
        return None
    return lambda seq: url_for("mending.show", slug=found.slug, seq=seq)


def around(found: Account, read: Sequence[reading.Line], lens: str) -> lines.Surroundings:
    """What some lines of an account refer to, with links as the desk has them.

    Through the customer's lens no line leads to what only staff read.
    """
    there = lines.around(
        doors.session(),
        found.id,
        read,
        lens,
        lambda number: url_for("desk_case.show", slug=found.slug, number=number),
        lambda file_id, number: url_for("files.staff", slug=found.slug, file_id=file_id),
    )
    if lens == "customer":
        return there
    publish_link = partial(_publish_link, found) if doors.may_work() else None
    return replace(there, publish_link=publish_link, source_link=partial(_source_link, found))


def _publish_link(found: Account, number: str, seq: int) -> str:
    return url_for("desk_case.show", slug=found.slug, number=number, publish=seq) + "#composer"


def _source_link(found: Account, number: str, seq: int) -> str:
    """The line on the page of its case that begins with it, wherever in the timeline it stands."""
    where = url_for("desk_case.show", slug=found.slug, number=number, details=1, before=seq + 1)
    return f"{where}#e-{seq}"
