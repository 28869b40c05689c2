"""The four answers that an outward call may give instead of its result, and what else can go wrong around it.

A connector raises `RetryLater`, `Rejected`, `AuthFailed` or `OutcomeUnknown` (and `BadBody` in `parse`). The
hub raises the rest. `reason` is shown to staff on the health page and beside a delivery, so it must be a
plain sentence without secrets; the hub scrubs the settings' secrets from it all the same.
"""

from datetime import timedelta


class ConnectorError(Exception):
    """Whatever went wrong in or around a plugin; `reason` is one sentence for staff."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RetryLater(ConnectorError):
    """Nothing has happened on the far side; the same call may be made again, not before `after` has passed.

    Raise it only when that is certain: name not resolved, connection refused, 429, 503 with Retry-After.
    `after` None leaves the pause to the hub (backoff with jitter).
    """

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Rejected(ConnectorError):
    """The far side understood and refused for good; trying again would not help. Becomes visible work."""


class AuthFailed(ConnectorError):
    """The connection's credentials were refused. The hub stops calling until an admin has looked."""


class OutcomeUnknown(ConnectorError):
    """The request was sent and no trustworthy answer came back (timeout, reset, 500): it may have happened.

    The hub asks `find(delivery_id)` before it sends anything again.
    """


class BadBody(ConnectorError):
    """Raised by `parse`: the body as a whole cannot be read (not JSON, not an object).

    The sender is answered 400 naming `field`, and the raw body is kept in quarantine. A body that can be
    read, but holds items or a version that the connector does not understand, is answered 2xx instead: return
    `Unparsed`.
    """

    def __init__(self, reason: str, field: str = "") -> None:
        super().__init__(reason)
        self.field = field


class NotOffered(ConnectorError):
    """A capability was called that the connector does not declare: a mistake of the hub's caller."""


class ConnectionQuarantined(ConnectorError):
    """Every slot of this connection hangs; calls are refused at once until one of them ends. Nothing was
    sent."""


class PluginBroken(ConnectorError):
    """The plugin raised something that is no ConnectorError, or answered with a value of the wrong type.

    What happened on the far side is not known, so a delivery is to be treated as after `OutcomeUnknown`.
    """
