"""From the outbox to the world: claim (commit), call, settle (commit).

No transaction is open while a far side is called. Whatever happens to this process in between, the row says
what is known: `sending` with a lease that runs out becomes `unknown`, and an unknown delivery is asked for
before it is ever sent again. While the far side cannot be asked, it stays `unknown`; and once a far side was
called, nothing that goes wrong here afterwards makes the delivery `due` again.
"""

from hub.flows.delivery.attempting import LEASE, SENDING, attempt
from hub.flows.delivery.dispatch import Dispatcher, claim, run_due
from hub.flows.delivery.outcomes import Done, Failed, Handler, Outcome, Retry, Unanswered, Unknown
from hub.flows.delivery.settling import FIRST_PAUSE, LONGEST_PAUSE, backoff, note_beside

__all__ = [
    "FIRST_PAUSE",
    "LEASE",
    "LONGEST_PAUSE",
    "SENDING",
    "Dispatcher",
    "Done",
    "Failed",
    "Handler",
    "Outcome",
    "Retry",
    "Unanswered",
    "Unknown",
    "attempt",
    "backoff",
    "claim",
    "note_beside",
    "run_due",
]
