"""How a reader looks at a timeline: which lens, which lines, from where; all of it in the address."""

import base64
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from hub.base.errors import Misconfigured
from hub.domain.kinds import Kind
from hub.domain.reading import Page, View
from hub.web import doors
from hub.web.words import _, language

_KINDS: Mapping[str, tuple[Kind, ...]] = {
    "messages": (Kind.NOTE, Kind.PUBLISHED, Kind.CUSTOMER_WROTE, Kind.CALL_LOGGED, Kind.CASE_REPORTED),
    "alerts": (Kind.ALERT_RAISED, Kind.ALERT_CLEARED, Kind.ALERT_STALE),
    "orders": (Kind.ORDER_PLACED, Kind.ORDER_STATE, Kind.ORDER_MESSAGE, Kind.ORDER_UNMAPPED),
}
_DETAILS = ("alerts",)
_AUDIENCES = ("customer", "staff")
_BIGGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking at an account's timeline, read from the query; odd values count as none.

    `cases` narrows it for who may not read all of the account; None for who may. Positions count every
    entry of the lens, so a narrowed reader meets them sealed only: they would tell how much is hidden.
    """

    show: str
    details: bool
    lens: str
    before: int | None
    after: int | None
    opened: int | None
    cases: tuple[uuid.UUID, ...] | None = None

    @classmethod
    def of_request(cls, lens: str = "staff", cases: tuple[uuid.UUID, ...] | None = None) -> "Look":
        """What the address asks for. A member of staff may look through the customer's lens."""
        asked = request.args
        read = position_of if cases is None else _unsealed
        wanted = asked.get("show", "")
        return cls(
            show=wanted if wanted in (*_KINDS, *_AUDIENCES) else "",
            details=asked.get("details") == "1",
            lens="customer" if lens == "customer" or asked.get("lens") == "customer" else lens,
            before=read(asked.get("before")),
            after=read(asked.get("after")),
            opened=position_of(asked.get("open")),
            cases=cases,
        )

    @property
    def whole(self) -> bool:
        """Whether details are shown too: they were asked for, or what was chosen is never anything else."""
        return self.details or self.show in _DETAILS

    @property
    def narrowed(self) -> bool:
        """Whether this reader may not read all of the account."""
        return self.cases is not None

    def written(self, position: int | None) -> int | str | None:
        """A position as it stands in an address."""
        return position if position is None or not self.narrowed else _sealed(position)

    def view(self, case_id: uuid.UUID | None = None) -> View:
        """The same for the timeline. A case's own page has the lines of that case, details once asked for."""
        return View(
            lens=self.lens,
            language=language(),
            before=self.before,
            after=None if self.before is not None else self.after,
            headlines=not self.whole,
            case_id=case_id,
            cases=self.cases,
            kinds=_KINDS.get(self.show, ()),
            audience=self.show if self.show in _AUDIENCES and self.lens == "staff" else None,
        )


def position_of(text: str | None) -> int | None:
    """A position as an address names it; None for anything odd, the biggest there can be for a bigger one."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    return min(int(text), _BIGGEST)


def _sealed(position: int) -> str:
    sealed = doors.hub().keyring.seal(str(position).encode(), _reader())
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def _unsealed(text: str | None) -> int | None:
    if not text or len(text) > 100:
        return None
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return int(doors.hub().keyring.open(sealed, _reader()))
    except (ValueError, Misconfigured):
        return None  # not one of ours, or of another reader: as good as none


def _reader() -> str:
    return f"timeline:{doors.viewer().person_id}"


@dataclass(frozen=True, slots=True)
class Ways:
    """The links of a timeline: filters, details, lens, neighbouring pages, what is folded under a line."""

    as_customer: bool
    filters: list[dict[str, Any]]
    details_href: str
    details_word: str
    lens_href: str
    lens_word: str
    newer: str | None
    older: str | None
    unfold: Callable[[int], str]
    empty_text: str
    narrowed: bool


def ways(look: Look, page: Page, endpoint: str, **values: Any) -> Ways:
    """The links around one page of a timeline at `endpoint`."""
    kept = {
        "show": look.show or None,
        "details": "1" if look.details else None,
        "lens": "customer" if look.lens == "customer" else None,
        "before": look.written(look.before),
        "after": look.written(look.after),
    }

    def to(**changed: Any) -> str:
        return url_for(endpoint, **values, **{**kept, **changed}) + "#timeline"

    start = {"before": None, "after": None}
    customer = look.lens == "customer"
    return Ways(
        as_customer=customer,
        filters=_filters(look, to),
        details_href=to(
            details=None if look.whole else "1",
            show=None if look.show in _DETAILS else look.show or None,
            **start,
        ),
        details_word=_("Headlines only") if look.whole else _("With all details"),
        lens_href=to(lens=None if customer else "customer", show=None, **start),
        lens_word=_("Staff view") if customer else _("View as customer"),
        newer=to(after=look.written(page.newer), before=None) if page.newer is not None else None,
        older=to(before=look.written(page.older), after=None) if page.older is not None else None,
        unfold=lambda position: to(open=position).replace("#timeline", f"#e-{position}"),
        empty_text=_empty(look),
        narrowed=look.narrowed,
    )


def _filters(look: Look, to: Callable[..., str]) -> list[dict[str, Any]]:
    words = [("", _("All"), ""), ("messages", _("Messages"), "")]
    if look.lens == "staff":
        words += [("customer", _("Customer sees"), "customer"), ("staff", _("Staff only"), "staff")]
        words += [("alerts", _("Alerts"), ""), ("orders", _("Work orders"), "")]
    return [
        {
            "href": to(show=show or None, before=None, after=None),
            "label": label,
            "tone": tone,
            "current": look.show == show,
        }
        for show, label, tone in words
    ]


def _empty(look: Look) -> str:
    if look.show or look.before is not None or look.after is not None:
        return _("Nothing fits what you chose. Show all, or go back to the newest.")
    return _("What happens on this account stands here, newest first.")
