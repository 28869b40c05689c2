"""How much one customer may write: enough for anybody's bad day, too little to fill the disk or a timeline.

Both are counted in the request's own transaction, so that only what is kept counts, and per person: an
address may be that of a whole office. Our staff is not limited.
"""

from datetime import timedelta

from flask import request

from hub.base.errors import TooMany
from hub.domain import sessions
from hub.web import csrf, doors
from hub.web.filters import size
from hub.web.words import _

FORMS = (30, timedelta(minutes=1))
BYTES = (500 * 1024 * 1024, timedelta(days=1))


def form() -> None:
    """Count a form that a customer sends; `TooMany` above `FORMS`. Comes after `doors.enter`."""
    if request.method not in csrf.SAFE and (wait := _count("forms", 1, *FORMS)):
        raise TooMany(
            _("That was a lot within a minute. This was not saved; please send it again in a minute."),
            wait,
        )


def files(number: int) -> None:
    """Count the bytes of a customer's files; `TooMany` above `BYTES`."""
    if number and (wait := _count("bytes", number, *BYTES)):
        text = _(
            "You may send up to %(size)s of files in a day. Nothing was saved; please send it without the "
            "files, or again tomorrow.",
            size=size(BYTES[0]),
        )
        raise TooMany(text, wait)


def _count(what: str, by: int, limit: int, window: timedelta) -> int:
    viewer = doors.viewer()
    if viewer.is_staff:
        return 0
    return sessions.hit(doors.session(), f"{what}:{viewer.person_id}", limit, window, by=by)
