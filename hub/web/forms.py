"""Forms: one pydantic model per command checks what was typed; the page keeps it and says what to do."""

from collections.abc import Callable, Mapping
from datetime import datetime, time
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import available_timezones

from flask import request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from werkzeug.wrappers import Response

from hub.base import clock
from hub.base.errors import Conflict, Invalid, Said
from hub.base.text import LANGUAGES, N_, clean, one_line
from hub.web import doors, seen
from hub.web.uploads import FIELD, to_choose_again
from hub.web.words import _, zone

MISSING = N_("Please fill this in.")
_CHANGED = N_("This was changed meanwhile. Save again to replace it.")


def maybe(value: Any) -> Any:
    """An empty choice is none."""
    return None if value in ("", None) else value


def chosen(value: Any) -> Any:
    """A choice that has to be made."""
    if value in ("", None):
        raise ValueError(MISSING)
    return value


class Fields(BaseModel):
    """Base of every form's model: unknown fields are ignored, texts arrive cleaned."""

    model_config = ConfigDict(extra="ignore", frozen=True)


Data = TypeVar("Data", bound=Fields)


def _required(text: str) -> str:
    if not text:
        raise ValueError(MISSING)
    return text


def _short(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > limit:
            raise ValueError(_("At most %(num)d characters, please.", num=limit))
        return one_line(text, limit)

    return AfterValidator(check)


def _long(limit: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > limit:
            raise ValueError(_("At most %(num)d characters, please.", num=limit))
        return clean(text)

    return AfterValidator(check)


def ruled(rule: Callable[[str], object]) -> AfterValidator:
    """A rule of the domain among those of the form, so that all complaints are told at once. Empty passes."""

    def check(text: str) -> str:
        try:
            if text:
                rule(text)
        except Invalid as error:
            raise ValueError(error.told(_)) from None
        return text

    return AfterValidator(check)


Optional = Annotated[str, _short(200)]
Line = Annotated[str, _short(200), AfterValidator(_required)]
OptionalText = Annotated[str, _long(50_000)]
Text = Annotated[str, _long(50_000), AfterValidator(_required)]


_EARLIEST, _YEARS_AHEAD = 2000, 10


def _instant(value: Any, info: ValidationInfo) -> datetime | None:
    """A local wall time of a datetime-local field, in the reader's zone."""
    if value in ("", None):
        return None
    try:
        wall = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(_("A date and a time are needed here, like 2026-11-23 15:00.")) from None
    # Looked at before the zone is: near the ends of the calendar its offset has no room.
    if not _EARLIEST <= wall.year <= clock.now().year + _YEARS_AHEAD:
        raise ValueError(_("Please choose a year between 2000 and ten years from now."))
    return clock.instant(wall.replace(tzinfo=None), (info.context or {}).get("zone") or zone())


Instant = TypeVar("Instant", datetime, datetime | None)


def _future(instant: Instant) -> Instant:
    if instant is not None and instant <= clock.now():
        raise ValueError(_("This time has passed already; choose a later one."))
    return instant


def _needed(value: Any, info: ValidationInfo) -> datetime:
    instant = _instant(value, info)
    if instant is None:
        raise ValueError(MISSING)
    return instant


Moment = Annotated[datetime | None, BeforeValidator(_instant)]
FutureMoment = Annotated[datetime | None, BeforeValidator(_instant), AfterValidator(_future)]
NeededMoment = Annotated[datetime, BeforeValidator(_needed)]
NeededFuture = Annotated[datetime, BeforeValidator(_needed), AfterValidator(_future)]


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(_("Not a known time zone; they look like Europe/Berlin."))
    return name


def _language(name: str) -> str:
    if name not in LANGUAGES:
        raise ValueError(_("Please choose one of the languages."))
    return name


Zone = Annotated[str, AfterValidator(_zone)]
Language = Annotated[str, AfterValidator(_language)]


def _clock_text(text: str) -> str:
    if text in ("", "24:00"):
        return text
    try:
        return f"{time.fromisoformat(text):%H:%M}"
    except ValueError:
        raise ValueError(_("A time is needed here, like 09:00.")) from None


ClockText = Annotated[str, AfterValidator(_clock_text)]


_OTHER_WORDS = {
    "text": ("body",),
    "impact": ("effect",),
    "customer_reference": ("reference",),
    "person": ("contact",),
}
"""What arguments of verbs are called in forms, where the two differ."""


_PICKED = frozenset({"case", "team", "effect", "priority", "form_key"})
"""Texts that nobody types."""


class Form(Generic[Data]):
    """One form of a page: what was typed (or what it starts with), and what is wrong with it.

    Templates read `form.values.<field>`, `form.chosen(<field>)` and `form.errors.<field>`; in `form.labels`
    they note what a field is called, for the head of the form.
    """

    def __init__(
        self, model: type[Data], start: Mapping[str, Any] | None = None, *, name: str = "", take: bool = True
    ) -> None:
        self.model, self.name = model, name
        self.errors: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.taken: list[str] = []
        self.is_told = False
        self.status = 200
        self.posted = take and request.method == "POST"
        self.start: Mapping[str, Any] = start or {}
        self.values: dict[str, Any] = dict(self.start)
        if self.posted:
            self.values.update(request.form.to_dict())
        self.lists = {key: request.form.getlist(key) for key in request.form} if self.posted else {}

    def chosen(self, field: str) -> list[str]:
        """The ticked boxes of a field with many."""
        if self.posted and field not in self.taken:
            return self.lists.get(field, [])
        return [str(item) for item in self.values.get(field) or []]

    def ticked(self, field: str) -> bool:
        """Whether a single box is ticked; an unticked one is not posted at all."""
        typed = self.posted and field not in self.taken
        return field in request.form if typed else bool(self.values.get(field))

    @property
    def seen(self) -> str:
        """What a form that changes something carries along, see `hub/web/seen.py`."""
        return seen.marks(self.start, self.model.model_fields)

    def tell(self) -> dict[str, str]:
        """What is wrong, as the head of the form draws it; where nothing asks, the page has no such form."""
        self.is_told = True
        return self.errors

    @property
    def typed(self) -> list[str]:
        """The words that somebody typed, to be copied where the form is not on the page any more."""
        fields = self.model.model_fields.items()
        words = [name for name, info in fields if info.annotation is str and name not in _PICKED]
        return [self.values[name] for name in words if self.posted and self.values.get(name)]

    def act(self, verb: Callable[[Data], Response], *checks: Callable[[], object]) -> Response | None:
        """Check what was posted and do it; None when the page has to be shown (again), with `errors`.

        The verb's first complaint may hide others, and so may the model's: `checks`, which change nothing and
        raise `Invalid`, have their say as well, so that a form is mended once.
        """
        if not self.posted:
            return None
        try:
            raw = self._raw()
            self._settle(raw)
            data = self.model.model_validate(raw, context={"zone": zone()})
            with doors.conflicts():
                response = verb(data)
                # A row that changed meanwhile must be told on this page, where what was typed is still there.
                doors.session().flush()
            return response
        except ValidationError as error:
            self.errors = plain_words(error)
        except Invalid as error:
            self.errors = {self._own(name): text for name, text in error.told_fields(_).items()}
            self.errors = self.errors or {"": error.told(_)}
        except Conflict as error:
            self.errors = {"": error.told(_)}
        for check in checks:
            self._also(check)
        if again := to_choose_again():
            self.errors.setdefault(FIELD, again)
        self.status = 422
        doors.door().undo()
        return None

    def _also(self, check: Callable[[], object]) -> None:
        try:
            check()
        except Invalid as error:
            for name, text in error.told_fields(_).items():
                self.errors.setdefault(self._own(name), text)

    def _settle(self, raw: dict[str, Any]) -> None:
        """Leave alone what its reader left alone; `Invalid` where both changed the same."""
        self.taken, clashes = seen.settle(raw, self.start, request.form.get(seen.NAME, ""))
        self.values.update({name: self.start[name] for name in self.taken})
        if clashes:
            raise Invalid(_CHANGED, {name: self._meanwhile(name) for name in clashes})

    def _meanwhile(self, name: str) -> Said:
        value, info = seen.shown(self.start[name]), self.model.model_fields[name]
        if info.annotation is str and value:
            return Said(N_("Meanwhile “%(value)s” was saved here. Save again to replace it."), value=value)
        return Said(_CHANGED)

    def _own(self, name: str) -> str:
        """The field of this form that a verb's argument came from; none for what it did not ask.

        What was posted beside the model's own fields was asked too: the settings of a connection.
        """
        known = (*self.model.model_fields, FIELD, *request.form)
        wishes: tuple[str, ...] = (name, name.removesuffix("_id"), *_OTHER_WORDS.get(name, ()))
        for wish in wishes:
            if wish in known:
                return wish
        return ""

    def _raw(self) -> dict[str, Any]:
        """The posted fields; those whose model asks for a list get all their values."""
        raw: dict[str, Any] = {}
        for name, info in self.model.model_fields.items():
            if str(info.annotation).startswith(("list", "tuple", "frozenset")):
                raw[name] = request.form.getlist(name)
            elif name in request.form:
                raw[name] = request.form[name]
        return raw


def plain_words(error: ValidationError) -> dict[str, str]:
    """{field: what to do} for people; never quotes what was typed."""
    found: dict[str, str] = {}
    for item in error.errors(include_url=False, include_input=False):
        name = str(item["loc"][0]) if item["loc"] else ""
        found.setdefault(name, _words_of(item["type"], item.get("ctx", {})))
    return found


def _words_of(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "value_error":
        return _(str(context["error"]))
    if kind in ("missing", "string_too_short", "too_short"):
        return _(MISSING)
    if kind.startswith(("int_", "greater", "less")):
        return _("A whole number is needed here.")
    if kind in ("literal_error", "enum", "uuid_parsing"):
        return _("Please choose one of the answers.")
    return _("Please check this.")
