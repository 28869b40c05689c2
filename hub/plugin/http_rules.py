"""The rules of the guarded client: which addresses are sent to, what a status means, where a redirect may
lead."""

import base64
import email.utils
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, timedelta

import httpx2

from hub.base import clock
from hub.plugin.contracts import Answer, AuthFailed, ConnectorError, OutcomeUnknown, Rejected, RetryLater

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
METHOD_KEPT = frozenset({307, 308})
# Headers that say nothing about who we are, so that they may go to another host.
HARMLESS = frozenset({"accept", "accept-language"})
NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
)
# RFC 9110: 408 "did not receive a complete request", 425 "unwilling to process", 429 "too many".
NOT_PROCESSED = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Hop:
    """One request on the wire; a redirect makes another one. Header names are in lower case."""

    method: str
    url: httpx2.URL
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)

    @property
    def host(self) -> str:
        """All that an error text may say about where a request went."""
        return self.url.host

    @property
    def safe(self) -> bool:
        """Whether sending it again can do no harm."""
        return self.method in SAFE_METHODS

    def spoiled(self, reason: str) -> ConnectorError:
        """The error for an answer that came but is of no use: what was asked for may have been done."""
        return Rejected(reason) if self.safe else OutcomeUnknown(reason)


def checked_url(url: str, params: Mapping[str, str] | None) -> httpx2.URL:
    """The address to send to; Rejected for one that is no http(s) address or carries a password."""
    try:
        parsed = httpx2.URL(url)
        merged = parsed.copy_merge_params(dict(params)) if params else parsed
    except (httpx2.InvalidURL, TypeError, ValueError):
        raise Rejected("The address of the far side is not a valid URL.") from None
    if merged.scheme not in ("http", "https") or not merged.host:
        raise Rejected("The address of the far side must start with http:// or https:// and name a host.")
    if merged.userinfo:
        raise Rejected(
            "The address of the far side must not hold a user or password; they have their own fields."
        )
    return merged


def basic(user: str, password: str) -> str:
    """The Authorization header of RFC 7617, in UTF-8."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def unanswered(hop: Hop, error: httpx2.HTTPError, takes_ca_file: bool = False) -> ConnectorError:
    """The error for a request that got no answer. Its text is ours: the library's may quote what was sent.

    `takes_ca_file`: whether the connection's settings can name a CA file, so that the advice is of use.
    """
    name = type(error).__name__
    if isinstance(error, httpx2.LocalProtocolError | httpx2.UnsupportedProtocol):
        return Rejected(f"The request to {hop.host} is not valid HTTP ({name}).")
    if isinstance(error, NEVER_SENT):
        return RetryLater(f"{hop.host} cannot be reached ({_what(error, takes_ca_file)}).")
    reason = f"{hop.host} took the request and did not answer properly ({name})."
    return RetryLater(reason) if hop.safe else OutcomeUnknown(reason)


def _what(error: httpx2.HTTPError, takes_ca_file: bool) -> str:
    text = str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return _untrusted(text, takes_ca_file)
    return "no connection in time" if isinstance(error, httpx2.TimeoutException) else "connection refused"


def _untrusted(text: str, takes_ca_file: bool) -> str:
    """What is wrong with a certificate, by the words of OpenSSL, which has no other way to say it here."""
    if "mismatch" in text:
        return "its certificate is for another name than that of the address"
    if "expired" in text or "not yet valid" in text:
        return "its certificate has expired or is not valid yet"
    told = "its certificate is not trusted"
    return f"{told}; the connection's settings can name a CA file" if takes_ca_file else told


def raise_for_status(hop: Hop, answer: Answer) -> None:
    """Raise for the statuses that mean the same everywhere; all others are the connector's to judge."""
    status = answer.status
    if status == 401:
        raise AuthFailed(f"{hop.host} refused the credentials ({status}).")
    after = retry_after(answer.headers.get("retry-after", ""))
    if status in NOT_PROCESSED or (status == 503 and after is not None):
        raise RetryLater(f"{hop.host} asks to come back later ({status}).", after)
    if status >= 500:
        reason = f"{hop.host} failed ({status})."
        raise RetryLater(reason, after) if hop.safe else OutcomeUnknown(reason)


def retry_after(header: str) -> timedelta | None:
    """The pause of a Retry-After header (RFC 9110 10.2.3): seconds, or a date counted from now; never
    negative."""
    header = header.strip()
    if header.isdecimal() and header.isascii():
        return timedelta(seconds=min(int(header[:9]), 86_400))
    try:
        until = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(timedelta(0), aware - clock.now())


def next_hop(hop: Hop, answer: Answer) -> Hop | None:
    """Where a redirect leads, or None when the answer is final. Rejected where it must not be followed.

    Only what changes nothing twice is followed: GET and HEAD, and 307 and 308, by which the server says that
    it has not acted. To another host go no credentials and no body.
    """
    location = answer.headers.get("location")
    if answer.status not in REDIRECTS or not location:
        return None
    if not hop.safe and answer.status not in METHOD_KEPT:
        return None
    target = _target(hop, location)
    if _same_origin(hop.url, target):
        return Hop(hop.method, target, hop.headers, hop.content)
    if not hop.safe:
        raise Rejected(
            f"{hop.host} sends the request on to {target.host}; set the connection's address to that."
        )
    harmless = {name: value for name, value in hop.headers.items() if name in HARMLESS}
    return Hop(hop.method, target, harmless, None)


def _target(hop: Hop, location: str) -> httpx2.URL:
    try:
        joined = str(hop.url.join(location))
    except (httpx2.InvalidURL, ValueError):
        raise Rejected(f"{hop.host} redirects to something that is no address.") from None
    target = checked_url(joined, None)
    if hop.url.scheme == "https" and target.scheme != "https":
        raise Rejected(f"{hop.host} redirects from https to http, which would send everything in the clear.")
    return target


def _same_origin(one: httpx2.URL, other: httpx2.URL) -> bool:
    upgraded = (one.scheme, other.scheme) == ("http", "https") and (_port(one), _port(other)) == (80, 443)
    same = one.scheme == other.scheme and _port(one) == _port(other)
    return one.host == other.host and (same or upgraded)


def _port(url: httpx2.URL) -> int:
    return url.port or {"http": 80, "https": 443}[url.scheme]
