"""Attachments, as downloads only: no browser ever shows one as a page of ours."""

import re
import uuid
from urllib.parse import quote

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue

from hub.domain import cases
from hub.domain.attachments import Attachment
from hub.web import doors

files = Blueprint("files", __name__)
_POLICY = "default-src 'none'; sandbox"


@files.get("/desk/<slug>/file/<uuid:file_id>")
def staff(slug: str, file_id: uuid.UUID) -> ResponseReturnValue:
    """A file of an account, for us."""
    return _download("staff", slug, file_id)


@files.get("/portal/<slug>/file/<uuid:file_id>")
def customer(slug: str, file_id: uuid.UUID) -> ResponseReturnValue:
    """A file of a case that this customer may see."""
    return _download("customer", slug, file_id)


def _download(lens: str, slug: str, file_id: uuid.UUID) -> Response:
    doors.enter(lens)
    account = doors.account(slug)
    found = cases.attachment(doors.session(), doors.viewer(), lens, account.id, file_id)
    response = Response(found.content or b"", content_type=found.media_type)
    response.headers["Content-Disposition"] = _disposition(found)
    response.headers["Content-Security-Policy"] = _POLICY
    return response


def _disposition(found: Attachment) -> str:
    """`attachment` with a plain name for old readers and the real one by RFC 8187."""
    plain = re.sub(r"[^A-Za-z0-9 ._()+-]", "_", found.name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(found.name, safe='')}"
