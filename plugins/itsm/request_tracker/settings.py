"""What an admin sets for a Request Tracker."""

from pydantic import BaseModel, Field, SecretStr, field_validator

STATUSES = {
    "placed": "new",
    "accepted": "open",
    "in_progress": "open",
    "question": "stalled",
    "done": "resolved",
    "refused": "rejected",
    "cancelled": "rejected",
}
FINAL = frozenset({"resolved", "rejected", "deleted"})


class RequestTrackerSettings(BaseModel):
    """A connection to one Request Tracker; a team's options may name another queue."""

    url: str = Field(
        title="Address", description="Where Request Tracker is, for example https://rt.example.net"
    )
    login: str = Field(
        title="RT user", description="Name of the RT user that the token belongs to; used by this hub alone."
    )
    token: SecretStr = Field(title="API token", description="API token of that user.")
    queue: str = Field(
        "General",
        title="Queue",
        description="Queue for new tickets, unless the team's options name one.",
    )
    requestor: str = Field(
        "",
        title="Requestor",
        description="Requestor of new tickets, if your RT asks for one. RT sends them its mails.",
    )
    statuses: dict[str, str] = Field(
        default_factory=dict,
        title="Statuses to write",
        description="What the hub writes where your RT has other statuses: state of the order = status, "
        "one a line. Usual ones are known.",
    )
    final: list[str] = Field(
        default_factory=list,
        title="Statuses that end a ticket",
        description="More statuses that end a ticket, beside resolved, rejected and deleted. The hub never "
        "overwrites one of them with another.",
    )
    ca_file: str = Field(
        "",
        title="CA file",
        description="PEM file with the certificate authority of that address; a path on the hub.",
    )

    @field_validator("url")
    @classmethod
    def _bare(cls, url: str) -> str:
        return url.strip().rstrip("/").removesuffix("/REST/2.0")
