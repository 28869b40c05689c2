"""What a scrip posts is a hint and nothing more."""

import orjson

from hub.plugin.contracts import BadBody, Incoming, Parsed, PullHint, Unparsed
from plugins.itsm.request_tracker.reading import TYPES


def parse(incoming: Incoming) -> Parsed:
    """The ticket to look at; nothing for transactions that say nothing to us."""
    try:
        body = orjson.loads(incoming.body)
    except orjson.JSONDecodeError as error:
        raise BadBody(f"The body is not JSON: {error}.") from None
    if not isinstance(body, dict):
        raise BadBody("The body must be a JSON object.")
    ticket, kind = body.get("ticket"), body.get("type")
    if type(ticket) is not int or not 0 < ticket < 10**18:
        return Parsed(unparsed=(Unparsed("The webhook does not say which ticket it is about.", body),))
    if isinstance(kind, str) and kind not in TYPES:
        return Parsed()
    return Parsed(hints=(PullHint(str(ticket)),))
