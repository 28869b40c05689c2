"""What pages of the administration are made of: tables, and forms drawn from plain descriptions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup

from hub.plugin.settings import FormField
from hub.web.filters import labelled
from hub.web.forms import Form


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form as the design system draws it; `type` as in parts/forms.html, or check, checks."""

    name: str
    label: str
    type: str = "text"
    required: bool = False
    help: str = ""
    options: Sequence[Any] = ()
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """A button behind a second look, which posts `fields` to `action`."""

    ask: str
    question: str
    yes: str
    action: str
    fields: Mapping[str, str] = field(default_factory=dict)
    kind: str = "danger"


@dataclass(frozen=True, slots=True)
class Part:
    """One card of a page: rows that are there, a form that adds or changes, one act on the whole.

    `about` explains it in any case, `nothing` stands where rows would.
    """

    id: str
    title: str
    columns: Sequence[Any] = ()
    rows: Sequence[Sequence[Any]] = ()
    nothing: str = ""
    form: Form[Any] | None = None
    fields: Sequence[Field] = ()
    action: str = ""
    submit: str = ""
    unfold: str = ""
    act: Act | None = None
    about: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the form shows at once: it has no word to unfold it, or something in it is to be mended."""
        return not self.unfold or bool(self.form and self.form.errors)

    @property
    def complaints(self) -> list[tuple[str, str]]:
        """What is wrong in the form, each with the id and the label of its field."""
        labels = {item.name: item.label for item in self.fields}
        return [
            (f"{self.id}-{name}", labelled(text, labels[name])) if name in labels else ("", text)
            for name, text in (self.form.errors.items() if self.form else ())
        ]


def untold(tried: Mapping[str, Form[Any]], parts: Sequence[Part]) -> list[tuple[str, str]]:
    """As notices of a page: what is wrong with acts that have no form on it, which would tell it itself."""
    drawn = {part.id for part in parts if part.form}
    return [
        ("crit", text) for verb, form in tried.items() if verb not in drawn for text in form.errors.values()
    ]


def link(href: str, text: str) -> Markup:
    """A link as a cell of a table."""
    return Markup('<a href="{}">{}</a>').format(href, text)


def of_settings(fields: Sequence[FormField]) -> list[Field]:
    """The fields of the settings that a connector declares."""
    types = {"list": "textarea", "map": "textarea", "checkbox": "check"}
    drawn = []
    for item in fields:
        kind = types.get(item.type, item.type)
        options = [(choice, item.words.get(choice, choice)) for choice in item.choices]
        if item.choices and not item.required:
            options.insert(0, ("", "\u2013"))
        attrs = {"autocomplete": "new-password"} if item.secret else {"autocomplete": "off"}
        drawn.append(Field(item.name, item.label, kind, item.required, item.help, options, attrs))
    return drawn
