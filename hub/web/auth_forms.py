"""What is typed when signing in, and into one's own page."""

from typing import Annotated

from pydantic import AfterValidator, ValidationInfo, field_validator

from hub.base.text import N_
from hub.web.forms import MISSING, Fields, Language, Line, Zone


def _given(text: str) -> str:
    if not text:
        raise ValueError(MISSING)
    return text


Secret = Annotated[str, AfterValidator(_given)]


class SignIn(Fields):
    """Name and password; the password is taken as it is, blanks and all."""

    login: Line
    password: Secret


class Profile(Fields):
    """How the hub speaks to me."""

    language: Language
    zone: Zone


class NewPassword(Fields):
    """The present password and the new one, twice."""

    current: Secret
    password: Secret
    again: Secret

    @field_validator("again")
    @classmethod
    def the_same(cls, again: str, info: ValidationInfo) -> str:
        """A slip of the finger would lock its owner out."""
        if "password" in info.data and again != info.data["password"]:
            raise ValueError(N_("The two new passwords differ."))
        return again
