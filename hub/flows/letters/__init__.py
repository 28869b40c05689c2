"""Letters: every mail of the hub as text and HTML, in its reader's language.

Two bodies of "mail" deliveries exist: a notice's, which `flows/tell.py` writes (it has a `notice_id`), and a
work order's, which `order_body` makes (it has a `message`).
"""

from hub.flows.letters.composing import Matter, Unsendable, draw
from hub.flows.letters.composing import compose as notice_mail
from hub.flows.letters.drawing import Letter, as_html, as_text, moment
from hub.flows.letters.orders import compose as order_mail
from hub.flows.letters.orders import order_body

__all__ = [
    "Letter",
    "Matter",
    "Unsendable",
    "as_html",
    "as_text",
    "draw",
    "moment",
    "notice_mail",
    "order_body",
    "order_mail",
]
