"""What a mail connection needs to know; the admin form is drawn from this."""

from typing import Literal

from pydantic import BaseModel, Field, JsonValue, SecretStr

Security = Literal["none", "starttls", "tls"]
WORDS: dict[str, JsonValue] = {"words": {"none": "None", "starttls": "STARTTLS", "tls": "TLS from the start"}}
MIB = 1024 * 1024


class MailSettings(BaseModel):
    """Mail out by SMTP; mail in by IMAP where a host is given."""

    smtp_host: str = Field(title="SMTP server", description="The server that takes our mail.", min_length=1)
    smtp_port: int = Field(587, title="SMTP port", ge=1, le=65535)
    smtp_security: Security = Field(
        "starttls",
        title="SMTP encryption",
        description="None only inside a network that you trust.",
        json_schema_extra=WORDS,
    )
    smtp_user: str = Field("", title="SMTP user", description="Empty: send without signing in.")
    smtp_password: SecretStr = Field(SecretStr(""), title="SMTP password")
    envelope_sender: str = Field(
        "",
        title="Envelope sender",
        description="Where bounces go. Empty: the address that the mails come from.",
    )
    imap_host: str = Field("", title="IMAP server", description="Empty: this connection only sends.")
    imap_port: int = Field(993, title="IMAP port", ge=1, le=65535)
    imap_security: Security = Field("tls", title="IMAP encryption", json_schema_extra=WORDS)
    imap_user: str = Field("", title="IMAP user")
    imap_password: SecretStr = Field(SecretStr(""), title="IMAP password")
    imap_mailbox: str = Field(
        "INBOX",
        title="Mailbox",
        description="Every mail in it is read once; none is changed or deleted. ASCII as IMAP spells it.",
        pattern=r"^[ -~]*$",
    )
    largest_mail_mib: int = Field(
        25,
        title="Largest mail (MiB)",
        description="Of a larger one only the beginning is fetched, and it is parked.",
        ge=1,
        le=100,
    )
    ca_file: str = Field(
        "", title="CA file", description="Certificates to trust instead of the system's; a path on the hub."
    )
