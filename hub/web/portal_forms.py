"""What customers type."""

from typing import Annotated

from pydantic import BeforeValidator

from hub.web.admin_forms import Id, MaybeId
from hub.web.forms import Fields, Line, Optional, Text, chosen


class ReportForm(Fields):
    """Something is wrong, wanted or asked."""

    title: Line
    text: Text
    service: MaybeId = None
    effect: Annotated[str, BeforeValidator(chosen)] = "none"
    reference: Optional = ""
    form_key: Optional = ""


class AnswerForm(Fields):
    """What the customer writes about a case."""

    text: Text
    form_key: Optional = ""


class ReopenForm(Fields):
    """No: what is still wrong."""

    reason: Text


class ColleagueForm(Fields):
    """One of theirs."""

    person: Id


class ReferenceForm(Fields):
    """Their own number for it."""

    reference: Line
