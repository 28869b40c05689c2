"""Signing in and out with the hub's own passwords, and what people may set for themselves."""

import re
import uuid
from datetime import timedelta

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.base.db import NOBODY
from hub.base.errors import Invalid
from hub.domain import access, audit, people, sessions
from hub.domain.audit import Actor
from hub.domain.people import Person
from hub.domain.people.signin import hash_of
from hub.web import bodies, csrf, doors, tries
from hub.web.auth_forms import NewPassword, Profile, SignIn
from hub.web.forms import Form
from hub.web.pages import page
from hub.web.words import _

auth = Blueprint("auth", __name__, url_prefix="/auth")

NOBODY_YET = Actor("hub", "Sign-in")


@auth.route("/login", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    """The sign-in page; says the same about an unknown name and a wrong password."""
    if request.method == "POST":
        bodies.read_form(request, bodies.STRANGERS, bodies.STRANGERS_FORM)
    csrf.check(request, doors.hub().keyring, doors.bound_to(), doors.hub().settings.base_url)
    form = Form(SignIn)
    return form.act(_sign_in) or page("auth/login.html", form.status, form=form, next=_next())


def _sign_in(data: SignIn) -> Response:
    tries.count(data.login)
    # Read-only: the slow hash must not hold the one write lock of SQLite.
    with doors.hub().db.read(NOBODY) as reading:
        person = people.check_password(reading, data.login, data.password)
    if person is None:
        _note_refusal()
        raise Invalid(_("The name or the password is not right."))
    tries.forgive(data.login)
    return _open_session(person)


def _note_refusal() -> None:
    # Its own transaction: the answer is an error, and an error rolls back what the request wrote.
    with doors.hub().db.write(NOBODY) as noting:
        audit.write(
            noting,
            NOBODY_YET,
            "sign-in.refused",
            "address",
            None,
            "A sign-in was refused.",
            address=doors.sender_digest(),
        )


def _open_session(person: Person) -> Response:
    who = access.viewer_of(doors.session(), person.id).self_actor()
    sentence = f"{person.name} signed in."
    audit.write(doors.session(), who, "sign-in", "person", person.id, sentence)
    return _start_session(person, redirect(_next() or url_for("front.home"), 303))


def _start_session(person: Person, response: Response) -> Response:
    """A new token for this browser; the one it had before is worth nothing from here on."""
    if old := request.cookies.get(doors.cookie_name()):
        sessions.end(doors.session(), old)
    lasts = timedelta(hours=doors.hub().settings.session_hours)
    token = sessions.start(doors.session(), person.id, access.LOCAL, lasts, request.user_agent.string)
    doors.set_cookie(response, doors.cookie_name(), token, int(lasts.total_seconds()))
    return response


def _next() -> str:
    """Where to go after signing in: an address of ours only, never another site's."""
    wanted = request.values.get("next", "")
    # No control characters go into a header; browsers drop some of them, and take a backslash for a slash.
    return wanted if re.fullmatch(r"/(?!/)[^\\\x00-\x1f\x7f-\x9f]*", wanted) else ""


@auth.post("/logout")
def logout() -> ResponseReturnValue:
    """End this session here and in the browser, with the drafts it kept."""
    doors.enter("none")
    sessions.end(doors.session(), request.cookies[doors.cookie_name()])
    flash(_("You are signed out."), "ok")
    response = redirect(url_for("auth.login"), 303)
    doors.set_cookie(response, doors.cookie_name(), "", 0)
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


@auth.route("/me", methods=["GET", "POST"])
def me() -> ResponseReturnValue:
    """My language and zone."""
    doors.enter("none")
    viewer = doors.viewer()
    form = Form(Profile, {"language": viewer.language, "zone": viewer.zone})
    return form.act(_change_profile) or _me_page(form, Form(NewPassword, take=False))


def _change_profile(data: Profile) -> Response:
    person = doors.session().get_one(Person, doors.viewer().person_id)
    people.change_person(
        doors.session(), doors.viewer().self_actor(), person, language=data.language, zone=data.zone
    )
    flash(_("Saved."), "ok")
    return redirect(url_for("auth.me"), 303)


@auth.post("/password")
def password() -> ResponseReturnValue:
    """A new password; every other session of this person ends."""
    doors.enter("none")
    viewer = doors.viewer()
    form = Form(NewPassword)
    profile = Form(Profile, {"language": viewer.language, "zone": viewer.zone}, take=False)
    return form.act(_change_password) or _me_page(profile, form)


def _change_password(data: NewPassword) -> Response:
    viewer = doors.viewer()
    # Who it is, is known; the slow hashes must not hold the one write lock of SQLite.
    doors.door().undo()
    login = _proven_login(viewer.person_id, data.current)
    hashed = hash_of(data.password)
    session = doors.session()
    tries.forgive(login)
    person = session.get_one(Person, viewer.person_id)
    people.set_password(session, viewer.self_actor(), person, login, data.password, hashed=hashed)
    flash(_("Your password is changed. You are signed out everywhere else."), "ok")
    # Sessions older than the password are dead, this one too.
    return _start_session(person, redirect(url_for("auth.me"), 303))


def _proven_login(person_id: uuid.UUID, current: str) -> str:
    """The sign-in name of whoever types their present password; tries count as those of signing in do."""
    with doors.hub().db.read(NOBODY) as reading:
        login = people.login_of(reading, reading.get_one(Person, person_id))
    if login is not None:
        tries.count(login)
        with doors.hub().db.read(NOBODY) as reading:
            if people.check_password(reading, login, current) is not None:
                return login
    raise Invalid.field("current", _("This is not your present password."))


def _me_page(profile: Form[Profile], new_password: Form[NewPassword]) -> ResponseReturnValue:
    status = max(profile.status, new_password.status)
    return page("auth/me.html", status, profile=profile, password=new_password)
