"""Putting an entry right, or emptying it: what stands on a timeline is never changed in silence."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base.errors import NotFound
from hub.domain import access, erasing, reading
from hub.domain.accounts import Account
from hub.domain.reading import Line, View
from hub.flows import desk
from hub.web import doors, lines
from hub.web.desk import MENDERS, around
from hub.web.forms import Fields, Form, Text
from hub.web.pages import page
from hub.web.words import _, language

mending = Blueprint("mending", __name__, url_prefix="/desk")
_LAST = 2**31 - 2
"""A position is a 32-bit number."""


class Erasure(Fields):
    """Why everything that an entry said is erased."""

    why: Text


class Correction(Fields):
    """What is right."""

    what: Text


@mending.before_request
def enter() -> None:
    """Let leads and administrators in."""
    doors.enter_desk()
    access.require_staff(doors.viewer(), *MENDERS)


@mending.get("/<slug>/entry/<int:seq>")
def show(slug: str, seq: int) -> ResponseReturnValue:
    """One entry, and what can be done about it."""
    account = doors.account(slug)
    return _page(account, _entry(account, seq), Form(Erasure), Form(Correction))


@mending.post("/<slug>/entry/<int:seq>/erase")
def erase(slug: str, seq: int) -> ResponseReturnValue:
    """Empty the entry of all it said, with its files and copies."""
    account = doors.account(slug)
    entry, form = _entry(account, seq), Form(Erasure)

    def done(data: Erasure) -> Response:
        erasing.erase(doors.session(), _acting(account), account.id, seq, data.why)
        return _back(account, _("What it said is erased."))

    return form.act(done) or _page(account, entry, form, Form(Correction, take=False))


@mending.post("/<slug>/entry/<int:seq>/correct")
def correct(slug: str, seq: int) -> ResponseReturnValue:
    """Put the entry right by another one for the same readers."""
    account = doors.account(slug)
    entry, form = _entry(account, seq), Form(Correction)

    def done(data: Correction) -> Response:
        erasing.correct(doors.session(), _acting(account), account.id, seq, data.what)
        return _back(account, _("The correction stands on the timeline."))

    return form.act(done) or _page(account, entry, Form(Erasure, take=False), form)


def _acting(account: Account) -> Any:
    return desk.acting(doors.session(), doors.viewer(), account.id)


def _back(account: Account, words: str) -> Response:
    flash(words, "ok")
    return redirect(url_for("desk.account", slug=account.slug), 303)


def _entry(account: Account, seq: int) -> Line:
    """The entry at this very position; anything else does not exist here."""
    view = View(lens="staff", language=language(), before=min(seq, _LAST) + 1, headlines=False, limit=1)
    found = reading.page(doors.session(), account.id, view).lines
    if not found or found[0].seq != seq:
        raise NotFound(_("There is no such entry."))
    return found[0]


def _page(
    account: Account, entry: Line, erasure: Form[Erasure], correction: Form[Correction]
) -> ResponseReturnValue:
    there = around(account, [entry], "staff")
    return page(
        "desk/entry.html",
        max(erasure.status, correction.status),
        account=account,
        entry=entry,
        days=lines.days([replace(entry, folded=0)], there),
        case_link=there.case_link,
        erasure=erasure,
        correction=correction,
    )
