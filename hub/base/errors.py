"""The few errors a verb may raise. Each carries the HTTP status that a door answers with.

What is raised is a message as gettext knows it and its facts: `Conflict(N_("%(who)s is away."), who=name)`.
The sentence is made where it is shown, in the language of whoever reads it.
"""

import traceback
from collections.abc import Callable, Mapping

from hub.base.messages import N_

Say = Callable[..., str]
"""Puts a message with its named facts into words: `say(message, **facts)`."""


def in_english(message: str, **facts: object) -> str:
    """A message and its facts as they stand in the source; for logs, commands and the audit log."""
    return message % facts if facts else message


class Said(str):
    """A message with facts of its own, for a field whose error has others. As text it is English."""

    message: str
    facts: dict[str, object]

    def __new__(cls, message: str, /, **facts: object) -> "Said":
        made = super().__new__(cls, in_english(message, **facts))
        made.message, made.facts = message, facts
        return made

    def told(self, say: Say) -> str:
        """The sentence, in the language that `say` speaks."""
        return say(self.message, **self.facts)


def frames(error: BaseException, most: int = 12) -> list[str]:
    """Where an error arose, the innermost call last, without messages: they quote values, even secrets."""
    calls = traceback.extract_tb(error.__traceback__)[-most:]
    return [f"{call.filename}:{call.lineno} in {call.name}" for call in calls]


class HubError(Exception):
    """Something the caller can act on. `told` is a sentence that may be shown to them, `str` its English."""

    status = 500
    title = N_("Something went wrong")
    retry_after: int | None = None
    """After how many seconds the caller may come back, where that is known."""

    def __init__(self, message: str, /, **facts: object) -> None:
        super().__init__(message)
        self.message, self.facts = message, facts

    def told(self, say: Say) -> str:
        """The sentence, in the language that `say` speaks."""
        return say(self.message, **self.facts)

    def __str__(self) -> str:
        return self.told(in_english)


class Invalid(HubError):
    """Input that cannot be accepted; `fields` maps a field's name to the message of what is wrong with it,
    with the facts of the error or, as `Said`, with its own."""

    status = 400
    title = N_("Please check what you entered")

    def __init__(self, message: str, fields: Mapping[str, str] | None = None, /, **facts: object) -> None:
        super().__init__(message, **facts)
        self.fields: dict[str, str] = dict(fields or {})

    @classmethod
    def field(cls, name: str, message: str, /, **facts: object) -> "Invalid":
        """One field is wrong; the message is the whole story."""
        return cls(message, {name: message}, **facts)

    def told_fields(self, say: Say) -> dict[str, str]:
        """{field: what is wrong with it}, in the language that `say` speaks."""
        return {
            name: text.told(say) if isinstance(text, Said) else say(text, **self.facts)
            for name, text in self.fields.items()
        }


class Unauthenticated(HubError):
    """Nobody is signed in, or a token is unknown. Says nothing about which."""

    status = 401
    title = N_("Please sign in")


class Forbidden(HubError):
    """The object may be seen, but this verb is not theirs."""

    status = 403
    title = N_("You may not do this")


class NotFound(HubError):
    """It does not exist, or it is not theirs to know that it exists."""

    status = 404
    title = N_("Not found")


class Conflict(HubError):
    """The object changed meanwhile, or its state does not allow the verb."""

    status = 409
    title = N_("This has changed meanwhile")


class TooLarge(HubError):
    """A body or an upload over its limit."""

    status = 413
    title = N_("Too large")


class TooMany(HubError):
    """A rate limit."""

    status = 429
    title = N_("Too many requests")

    def __init__(self, message: str, retry_after: int, /, **facts: object) -> None:
        super().__init__(message, **facts)
        self.retry_after = retry_after


class Unavailable(HubError):
    """The hub cannot do it now (database locked or away); the caller should try again."""

    status = 503
    title = N_("Not available right now")
    retry_after = 5


class Misconfigured(HubError):
    """A setting is missing or wrong; the message says which and what to do."""

    title = N_("The hub is not configured")


def reason_of(error: Exception) -> str:
    """What people read of an error: its own sentence, if it is one that was foreseen."""
    if isinstance(error, HubError):
        return str(error)
    return f"It broke in the hub ({type(error).__name__}); the log says where."
