"""What of a mail goes onto the timeline: its new words and its files, within what an entry takes."""

from dataclasses import dataclass

from hub.base.text import N_, translate
from hub.domain.attachments import MAX_BYTES, MAX_FILES, Files, Upload
from hub.domain.cases.changing import MAX_TEXT
from hub.flows.mailroom import quoting
from hub.flows.mailroom.reading import Mail

NOTHING_WRITTEN = N_("(nothing but files)")
GOES_ON = N_("(the whole text is attached)")


@dataclass(frozen=True, slots=True)
class Words:
    """A text that is never empty, and the files that come with it."""

    text: str
    files: Files


def words_of(mail: Mail, raw: bytes, language: str, *, domain: str = "", whole: bool = False) -> Words:
    """The words of a mail for an entry. `domain` is that of our own mails, whose quotation is cut; `whole`
    leaves everything as it is."""
    text = mail.text if whole else quoting.new_words(mail.text, domain)
    uploads = list(mail.files)
    if len(text) > MAX_TEXT:
        uploads.append(Upload("message.txt", "text/plain", text.encode()))
        text = f"{text[: MAX_TEXT // 2]}\n\n{translate(language, GOES_ON)}"
    if len(uploads) > MAX_FILES or any(len(upload.content) > MAX_BYTES for upload in uploads):
        uploads = [Upload("message.eml", "message/rfc822", raw)]
    text = text or mail.subject or translate(language, NOTHING_WRITTEN)
    return Words(text, Files(uploads))
