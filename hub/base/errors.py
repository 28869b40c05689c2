"""The few errors a verb may raise. Each carries the HTTP status that a door answers with."""

from collections.abc import Mapping


class HubError(Exception):
    """Something the caller can act on; `str(error)` is a sentence that may be shown to them."""

    status = 500
    title = "Something went wrong"
    retry_after: int | None = None
    """After how many seconds the caller may come back, where that is known."""


class Invalid(HubError):
    """Input that cannot be accepted; `fields` maps a field's name to what is wrong with it."""

    status = 400
    title = "Please check what you entered"

    def __init__(self, message: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields: dict[str, str] = dict(fields or {})

    @classmethod
    def field(cls, name: str, message: str) -> "Invalid":
        """One field is wrong; the message is the whole story."""
        return cls(message, {name: message})


class Unauthenticated(HubError):
    """Nobody is signed in, or a token is unknown. Says nothing about which."""

    status = 401
    title = "Please sign in"


class Forbidden(HubError):
    """The object may be seen, but this verb is not theirs."""

    status = 403
    title = "You may not do this"


class NotFound(HubError):
    """It does not exist, or it is not theirs to know that it exists."""

    status = 404
    title = "Not found"


class Conflict(HubError):
    """The object changed meanwhile, or its state does not allow the verb."""

    status = 409
    title = "This has changed meanwhile"


class TooLarge(HubError):
    """A body or an upload over its limit."""

    status = 413
    title = "Too large"


class TooMany(HubError):
    """A rate limit."""

    status = 429
    title = "Too many requests"

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(HubError):
    """The hub cannot do it now (database locked or away); the caller should try again."""

    status = 503
    title = "Not available right now"
    retry_after = 5


class Misconfigured(HubError):
    """A setting is missing or wrong; the message says which and what to do."""

    title = "The hub is not configured"
