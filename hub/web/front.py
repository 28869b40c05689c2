"""The front door: where people are sent, the provider's colour, and whether this process is well."""

from flask import Blueprint, Response, redirect, url_for
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from hub.base.db import NOBODY, SYSTEM, RowScope
from hub.base.errors import Unavailable
from hub.base.shape import at_head
from hub.web import doors
from hub.web.colour import brand_css
from hub.web.words import _

front = Blueprint("front", __name__)


@front.get("/")
def home() -> AnyResponse:
    """Everyone to their place: us to the desk, customers to the portal."""
    doors.enter("none")
    return redirect(url_for("desk.home" if doors.viewer().is_staff else "portal.home"))


@front.get("/brand.css")
def brand() -> Response:
    """The provider's colour as tokens of the style sheet."""
    return Response(brand_css(doors.hub().settings.provider_colour), mimetype="text/css")


@front.get("/healthz")
def healthz() -> Response:
    """This process answers. Nothing else is asked."""
    return Response("ok\n", mimetype="text/plain")


@front.get("/readyz")
def readyz() -> Response:
    """This process can work, or 503: both roles read the database and find it as this version wants it.

    Nothing is written and no writer is waited for.
    """
    try:
        fits = all(_fits(scope) for scope in (SYSTEM, NOBODY))
    except SQLAlchemyError as error:
        raise Unavailable(_("The database cannot be reached.")) from error
    if not fits:
        raise Unavailable(_("The database does not fit this version of the hub."))
    return Response("ok\n", mimetype="text/plain")


def _fits(scope: RowScope) -> bool:
    with doors.hub().db.read(scope) as session:
        return at_head(session.connection())
