"""The front door: where people are sent, the provider's colour, and whether this process is well."""

from flask import Blueprint, Response, redirect, url_for
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from hub.base.errors import Unavailable
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
    """This process can work: both roles reach the database and find its tables; 503 otherwise."""
    try:
        for engine in doors.hub().db.engines:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1 FROM hub_settings LIMIT 1"))
    except SQLAlchemyError as error:
        raise Unavailable(_("The database cannot be reached, or its tables are missing.")) from error
    return Response("ok\n", mimetype="text/plain")
