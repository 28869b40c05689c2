"""The door of a request: one session, opened when needed in the viewer's scope, committed in one place."""

import hashlib
import ipaddress
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

from flask import Flask, Request, Response, current_app, g, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.wrappers import Response as AnyResponse

from hub.base.db import NOBODY, RowScope
from hub.base.db_errors import is_taken
from hub.base.errors import Conflict, NotFound, Unauthenticated
from hub.domain import access, sessions
from hub.domain.access import Viewer
from hub.domain.accounts import Account
from hub.domain.audit import Actor
from hub.flows.desk import WORKERS
from hub.flows.runtime import Hub
from hub.web import bodies, csrf
from hub.web.words import _

VISITOR = "hub_visitor"


class Messages(SecureCookieSessionInterface):
    """Flask's own cookie, which holds messages between two pages; a webhook pays nothing for having none."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Empty without a cookie, before any key is made to read one."""
        return (
            super().open_session(app, request) if "HTTP_COOKIE" in request.environ else self.session_class()
        )

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Nothing is to be said where nobody looked."""
        if session.accessed or session.modified:
            super().save_session(app, session, response)


class HubApp(Flask):
    """Flask whose dispatch is the door: what the view wrote is committed before the response leaves."""

    session_interface = Messages()

    def dispatch_request(self) -> ResponseReturnValue:
        """Run the view; commit for an answer below 400, roll back for anything else."""
        with conflicts():
            answer = self.make_response(super().dispatch_request())
            door().close(commit=answer.status_code < 400)
        return answer

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: no view of ours is a coroutine, and asking costs more than many a webhook's own work."""
        return func


@contextmanager
def conflicts() -> Iterator[None]:
    """Rows that another request changed or made first are a `Conflict`; else it is our failure."""
    try:
        yield
    except (StaleDataError, IntegrityError) as error:
        if isinstance(error, IntegrityError) and not is_taken(error):
            raise
        raise Conflict(
            _("Someone else changed this at the same moment. Look at it again, then repeat what you did.")
        ) from error


class Door:
    """The session of one request: read-only for GET, one transaction for anything else."""

    def __init__(self, hub: Hub, *, writes: bool) -> None:
        self._hub, self._writes = hub, writes
        self._stack = ExitStack()
        self._session: Session | None = None
        self.lens = "none"

    @property
    def session(self) -> Session:
        """The request's session; the first use opens it, and sees nothing before `enter` gives it a scope."""
        if self._session is None:
            opened = self._hub.db.write(NOBODY) if self._writes else self._hub.db.read(NOBODY)
            self._session = self._stack.enter_context(opened)
        return self._session

    def rescope(self, scope: RowScope) -> None:
        """From here on the database itself lets through only what `scope` may touch."""
        self._hub.db.rescope(self.session, scope)

    def undo(self) -> None:
        """Forget what this request wrote; the session goes on with a new transaction."""
        if self._session is not None:
            self._session.rollback()

    def close(self, *, commit: bool) -> None:
        """End the session, once; without `commit` nothing that was written stays."""
        if not commit:
            self.undo()
        self._session = None
        self._stack.close()


def install(app: Flask) -> None:
    """Give every request its door, and close what an early answer left open."""
    app.before_request(_open)
    app.teardown_request(lambda error: _shut())


def _open() -> None:
    g.door = Door(hub(), writes=request.method not in csrf.SAFE)
    g.viewer = None


def _shut() -> None:
    if "door" in g:
        door().close(commit=False)


def hub() -> Hub:
    """The running hub behind this app."""
    return cast(Hub, current_app.extensions["hub"])


def door() -> Door:
    """This request's door."""
    return cast(Door, g.door)


def session() -> Session:
    """This request's session."""
    return door().session


def viewer() -> Viewer:
    """Who is signed in; `Unauthenticated` when nobody is."""
    if g.viewer is None:
        raise Unauthenticated(_("Please sign in."))
    return cast(Viewer, g.viewer)


def actor(account_id: uuid.UUID | None = None) -> Actor:
    """The viewer as the one who acts in the lens of this page; on an account, as its customers know them."""
    return viewer().actor(door().lens, account_id)


def enter(lens: str) -> None:
    """Let the signed-in person in with one lens ("staff", "customer", or "none" for their own affairs).

    For whom the desk is not, it does not exist: 404. Unsafe requests must carry this session's token. Their
    body is read first, while no transaction is open: a slow line holds up nobody but its sender.
    """
    if request.method not in csrf.SAFE:
        _refuse_strangers()
        bodies.read_form(request, bodies.PEOPLE)
    g.viewer = _recognise()
    csrf.check(request, hub().keyring, bound_to(), hub().settings.base_url)
    if lens == "staff" and not viewer().is_staff:
        raise NotFound(_("There is nothing here."))
    door().lens = lens
    if lens == "none":
        door().rescope(RowScope("none", person=viewer().person_id))
    else:
        door().rescope(viewer().lens_scope(lens))


def enter_desk() -> None:
    """Let our staff into the desk. An auditor reads there; to act is for those who work on cases."""
    enter("staff")
    if request.method not in csrf.SAFE:
        access.require_staff(viewer(), *WORKERS)


def may_work() -> bool:
    """Whether forms of the desk are for this person: an auditor is shown none."""
    known = g.get("viewer")
    return known is not None and bool(known.roles & set(WORKERS))


def _refuse_strangers() -> None:
    """`Unauthenticated` before anything of their body is read; who it is, is found out after."""
    token = request.cookies.get(cookie_name())
    with hub().db.read(NOBODY) as glance:
        if not token or sessions.find(glance, token) is None:
            raise Unauthenticated(_("Please sign in."))


def was_signed_in() -> bool:
    """Whether this browser's session is one of ours, living or not."""
    token = request.cookies.get(cookie_name())
    with hub().db.read(NOBODY) as glance:
        return token is not None and sessions.is_known(glance, token)


def _recognise() -> Viewer:
    token = request.cookies.get(cookie_name())
    known = sessions.find(session(), token) if token else None
    if known is None:
        raise Unauthenticated(_("Please sign in."))
    door().rescope(RowScope("none", person=known.person_id))
    return access.viewer_of(session(), known.person_id, known.issuer)


def account(slug: str) -> Account:
    """The account of an address, as far as the viewer may know of it; `NotFound` otherwise."""
    return access.account(session(), viewer(), door().lens, slug)


def cookie_name() -> str:
    """The session cookie; over HTTPS its name makes browsers insist on Secure, Path=/ and no Domain."""
    return "__Host-hub" if hub().settings.secure_cookies else "hub"


def bound_to() -> str:
    """What anti-forgery tokens of this browser are bound to: its session, before that its visitor cookie."""
    return request.cookies.get(cookie_name()) or request.cookies.get(VISITOR) or g.get("new_visitor", "")


def csrf_token() -> str:
    """A token for one form of the page that is being made."""
    if not bound_to():
        g.new_visitor = secrets.token_urlsafe(18)
    return csrf.token_for(hub().keyring, bound_to())


def set_cookie(response: AnyResponse, name: str, value: str, max_age: int | None) -> None:
    """A cookie that scripts cannot read and that other sites' forms do not bring along."""
    secure = hub().settings.secure_cookies
    response.set_cookie(name, value, max_age=max_age, secure=secure, httponly=True, samesite="Lax", path="/")


def sender_digest() -> str:
    """The network address of the request, keyed and cut: enough to count by, no list of addresses.

    Of IPv6 the /64 counts, which one subscriber has for all their devices and may change within at will.
    """
    address = _one_subscriber(request.remote_addr or "").encode()
    return hashlib.sha256(hub().keyring.sign("address", address)).hexdigest()[:32]


def _one_subscriber(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    return address if known.version == 4 else str(ipaddress.ip_network((known, 64), strict=False))
