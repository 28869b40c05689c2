"""A connector's settings between four shapes: the declared model, a form, what is stored in the open, and
secrets.

A model is flat: texts, numbers, switches, choices, lists of texts (one a line in the form) and pairs (`key =
value`, one a line). Fields of type SecretStr are the secrets: they are stored apart and never travel back to
a form.
"""

import enum
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import AnyUrl, BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hub.base.errors import Invalid
from hub.base.text import N_
from hub.plugin.complaints import in_plain_words
from hub.plugin.parsing import broken
from hub.plugin.scrub import Scrubber

FieldType = Literal["text", "textarea", "url", "password", "number", "checkbox", "select", "list", "map"]
Model = TypeVar("Model", bound=BaseModel)

CLEAR = "__clear"
"""A posted field of this suffix empties an optional secret, which an empty field would keep."""


_ACRONYMS = re.compile(
    "api|ca|crm|dns|https?|id|imap|ip|itsm|json|mib|pem|pin|sla|smtp|sms|ssh|ssl|tls|ttl|ur[il]|vpn|xml"
)
_WHERE = re.compile(r"(^|_)(url|uri|host|hostname|server|address|port|endpoint|proxy)$")


class UnsuitableModel(ValueError):
    """A settings model holds a field that no form can be drawn for."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of the admin form. `default` is as the form shows it; a secret has none. `words` are
    what people call the choices, where the model says so."""

    name: str
    label: str
    help: str
    type: FieldType
    required: bool
    secret: bool
    choices: tuple[str, ...]
    default: str
    words: Mapping[str, str]


def form_fields(model: type[BaseModel]) -> tuple[FormField, ...]:
    """The form for a settings model, in the order of its fields. Raises UnsuitableModel for what cannot be
    drawn."""
    return tuple(_form_field(name, info) for name, info in model.model_fields.items())


def form_values(model: type[BaseModel], plain: Mapping[str, Any]) -> dict[str, str]:
    """What an edit form shows for stored settings; secrets are always empty, a switch is `on` or empty."""
    return {
        field.name: "" if field.secret else _shown(plain.get(field.name, field.default))
        for field in form_fields(model)
    }


def read_form(model: type[Model], posted: Mapping[str, str], kept: Mapping[str, str] | None = None) -> Model:
    """Settings from a posted form. An empty secret keeps the one in `kept` (the stored secrets).

    Raises Invalid with {field: what is wrong}, in plain words and without secrets. An address with a password
    in it is refused: addresses are stored in the open.
    """
    kept = kept or {}
    values = {}
    for field in form_fields(model):
        value = _secret(field, posted, kept) if field.secret else _read(field, posted.get(field.name, ""))
        if value is not None:
            values[field.name] = value
    settings = _validated(model, values)
    if named := [field.name for field in form_fields(model) if _names_a_user(field, settings)]:
        message = N_("Please leave user and password out of the address; they have fields of their own.")
        raise Invalid(message, dict.fromkeys(named, message))
    return settings


def secrets_to_ask_again(
    model: type[BaseModel], before: Mapping[str, Any], after: BaseModel, kept: Iterable[str]
) -> set[str]:
    """Those of the `kept` secrets that would go somewhere else than where they were meant to go.

    A setting says where when it is an address or its name ends like one (`url`, `smtp_host`). It moves the
    secrets that share its first word, and all of them when none does. `before` is what is stored in the open.
    """
    now, kept, moved = after.model_dump(mode="json"), set(kept), set[str]()
    for field in form_fields(model):
        leads = field.type == "url" or (not field.secret and _WHERE.search(field.name))
        old = before.get(field.name, _default(model.model_fields[field.name]))
        if leads and str(old) != str(now[field.name]):
            group = field.name.rpartition("_")[0] or field.name
            moved |= {name for name in kept if name.startswith(f"{group}_")} or kept
    return moved


def split(settings: BaseModel) -> tuple[dict[str, Any], dict[str, str]]:
    """Settings as (JSON data to store in the open, secrets to store encrypted)."""
    names = secret_names(type(settings))
    secrets = {
        name: value.get_secret_value()
        for name in names
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    return settings.model_dump(mode="json", exclude=set(names)), secrets


def join(model: type[Model], plain: Mapping[str, Any], secrets: Mapping[str, str]) -> Model:
    """Stored settings as a model again. What an older version of the plugin stored and the model no longer
    knows is left out. Raises Invalid when the rest does not fit any more."""
    known = {name: value for name, value in plain.items() if name in model.model_fields}
    hidden = {name: secrets[name] for name in secret_names(model) if name in secrets}
    return _validated(model, {**known, **hidden})


def secret_names(model: type[BaseModel]) -> tuple[str, ...]:
    """The fields that are secrets."""
    return tuple(name for name, info in model.model_fields.items() if _bare(info.annotation) is SecretStr)


def _names_a_user(field: FormField, settings: BaseModel) -> bool:
    if field.type != "url" and not _WHERE.search(field.name):
        return False
    scheme, _, rest = str(getattr(settings, field.name)).partition("://")
    user, found, _ = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")
    return bool(found) and (":" in user or scheme in ("http", "https"))


def _validated(model: type[Model], values: Mapping[str, Any]) -> Model:
    secret = Scrubber(str(values[name]) for name in secret_names(model) if name in values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        wrong = _complaints(model, error, secret)
    except BaseException as error:  # a validator may raise anything; whoever asks must not end for it
        wrong = _unchecked(model, error, secret)
    # Outside the handler, so that the error which quotes the input is not chained to this one.
    raise wrong


def _complaints(model: type[BaseModel], error: ValidationError, secret: Scrubber) -> Invalid:
    try:
        fields = in_plain_words(error, secret)
    except Exception as unreadable:  # a validator's own exception that breaks in str()
        return _unchecked(model, unreadable, secret)
    names = ", ".join(_label(name, model.model_fields[name]) for name in fields if name in model.model_fields)
    if "" in fields:
        return Invalid(fields[""], fields)
    return Invalid(N_("Please check: %(names)s."), fields, names=names)


def _unchecked(model: type[BaseModel], error: BaseException, secret: Scrubber) -> Invalid:
    message = N_("The plugin's own check of these settings broke (%(model)s). Tell its author: %(what)s")
    where = f"{model.__module__}.{model.__qualname__}"
    return Invalid.field("", message, model=where, what=broken(error, secret).reason)


def _form_field(name: str, info: FieldInfo) -> FormField:
    kind = _type(name, info)
    return FormField(
        name=name,
        label=_label(name, info),
        help=info.description or "",
        type=kind,
        required=info.is_required(),
        secret=kind == "password",
        choices=_choices(info.annotation),
        default="" if kind == "password" else _shown(_default(info)),
        words={str(choice): str(word) for choice, word in _extra(info).get("words", {}).items()},
    )


def _extra(info: FieldInfo) -> Mapping[str, Any]:
    return info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}


def _label(name: str, info: FieldInfo) -> str:
    return info.title or _spelled(name)


def _spelled(name: str) -> str:
    """A field's name as people write it: `api_url` is "API URL"."""
    words = [word.upper() if _ACRONYMS.fullmatch(word) else word for word in name.split("_")]
    label = " ".join(filter(None, words))
    return label[:1].upper() + label[1:]


def _type(name: str, info: FieldInfo) -> FieldType:
    bare = _bare(info.annotation)
    if bare is str and _extra(info).get("multiline"):
        return "textarea"
    if _choices(bare):
        return "select"
    for python_type, kind in _SIMPLE:
        if isinstance(bare, type) and issubclass(bare, python_type):
            return kind
    origin, arguments = typing.get_origin(bare), typing.get_args(bare)
    if origin in (list, tuple, set, frozenset) and arguments[0] is str:
        return "list"
    if origin in (dict, Mapping, typing.get_origin(Mapping[str, str])) and arguments == (str, str):
        return "map"
    raise UnsuitableModel(
        f"The settings field {name!r} is of a type that no form can show; "
        "use text, numbers, switches, choices, list[str] or dict[str, str]."
    )


# bool before int, of which it is a subclass.
_SIMPLE: tuple[tuple[type, FieldType], ...] = (
    (SecretStr, "password"),
    (bool, "checkbox"),
    (int, "number"),
    (float, "number"),
    (AnyUrl, "url"),
    (Path, "text"),
    (str, "text"),
)


def _bare(annotation: Any) -> Any:
    """The type without `| None` and without Annotated."""
    if typing.get_origin(annotation) is typing.Annotated:
        return _bare(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(annotation) if part is not types.NoneType]
        return _bare(parts[0]) if len(parts) == 1 else annotation
    return annotation


def _choices(annotation: Any) -> tuple[str, ...]:
    bare = _bare(annotation)
    if typing.get_origin(bare) is Literal:
        return tuple(str(choice) for choice in typing.get_args(bare))
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        return tuple(str(member.value) for member in bare)
    return ()


def _default(info: FieldInfo) -> Any:
    default = info.get_default(call_default_factory=True, validated_data={})
    return None if default is PydanticUndefined else default


def _shown(value: Any) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return "on"
    if isinstance(value, enum.Enum):
        return str(value.value)
    if isinstance(value, Mapping):
        return "\n".join(f"{name} = {content}" for name, content in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return "\n".join(str(item) for item in value)
    return str(value)


def _secret(field: FormField, posted: Mapping[str, str], kept: Mapping[str, str]) -> str | None:
    if posted.get(field.name):
        return posted[field.name]
    return None if posted.get(field.name + CLEAR) else kept.get(field.name)


def _read(field: FormField, text: str) -> Any:
    """A posted text as the value to validate; None leaves the field to its default."""
    if field.type == "checkbox":
        return bool(text)
    if field.type == "list":
        return [line.strip() for line in text.splitlines() if line.strip()]
    if field.type == "map":
        pairs = (line.partition("=") for line in text.splitlines() if line.strip())
        return {name.strip(): content.strip() for name, _, content in pairs}
    text = text.strip()
    if not text and field.type in ("text", "textarea") and not field.required:
        return "" if field.default else None
    return text or None
