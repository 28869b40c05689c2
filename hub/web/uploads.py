"""Files that came with a form."""

from flask import request

from hub.base.errors import Invalid
from hub.domain.attachments import Files, Upload
from hub.web import doors, measure
from hub.web.filters import size
from hub.web.words import _

FIELD = "attachments"


def uploads() -> Files:
    """The files of the posted form; `Invalid` on their field when one is over the limit, `TooMany` for more
    than a customer may send in a day."""
    limit = doors.hub().settings.max_upload_bytes
    found = []
    for item in request.files.getlist(FIELD):
        if not item.filename:
            continue
        content = item.stream.read(limit + 1)
        if len(content) > limit:
            raise Invalid.field(FIELD, _("A file may have up to %(size)s.", size=size(limit)))
        found.append(Upload(item.filename, item.mimetype or "", content))
    measure.files(sum(len(upload.content) for upload in found))
    return Files(tuple(found), limit)


def to_choose_again() -> str:
    """What to do about the files of a form that has to be sent once more: a browser forgets them."""
    names = [item.filename for item in request.files.getlist(FIELD) if item.filename]
    return _("Please choose %(files)s again.", files=", ".join(names)) if names else ""
