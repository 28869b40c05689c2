"""What is new in an answer, and what it only quotes.

Line by line and in linear time: the patterns look at one short line at a time, because the sender chooses the
text. Ready-made parsers hang for minutes on a mail made for them. Where it is not sure, nothing is cut.
"""

import re
from collections.abc import Sequence

LONGEST_LINE = 400
HEAD = 8
"""Lines in which a history names its sender."""

_HISTORY = re.compile(
    r"[-_*\s]{2,}(original message|ursprüngliche nachricht|forwarded message|weitergeleitete nachricht|"
    r"исходное сообщение|пересылаемое сообщение|wiadomość oryginalna|oorspronkelijk bericht|"
    r"message d'origine|mensaje original|messaggio originale)[-_*\s]{2,}",
    re.IGNORECASE,
)
_WROTE = re.compile(
    r"\b(wrote|schrieb|schreef|написал|написала|пишет|napisał|napisała|napisał\(a\)|a écrit|escribió|"
    r"ha scritto|skrev|napsal|napsal\(a\))\b[^:]{0,200}:$",
    re.IGNORECASE,
)
_BEGINS = re.compile(r"(on|am|op|w dniu|dnia|le|el|il|den|dne|\d|пн|вт|ср|чт|пт|сб|вс)", re.IGNORECASE)
_FROM = re.compile(r"[*\s]*(from|von|от|od|van|de|da|från|fra)[*\s]*:", re.IGNORECASE)
_FIELD = re.compile(
    r"[*\s]*(sent|date|to|cc|subject|gesendet|datum|an|betreff|отправлено|дата|кому|тема|wysłano|data|do|"
    r"temat|verzonden|aan|onderwerp|envoyé|à|objet|enviado|para|asunto|inviato|a|oggetto)[*\s]*:",
    re.IGNORECASE,
)


def new_words(text: str, domain: str) -> str:
    """A text without what it quotes of our own mails (from addresses at `domain`) or marks as quoted.

    History of others that is not marked is news to us, and stays.
    """
    new, rest = split(text)
    head = "\n".join(rest.split("\n")[:HEAD]).lower()
    return new if rest and (is_marked(rest) or f"@{domain.lower()}" in head) else text.strip()


def split(text: str) -> tuple[str, str]:
    """(what is new, what is quoted below it). The whole is new where nothing would be left, or where the
    writer answers between the lines of a quotation."""
    lines = text.split("\n")
    place = next((number for number in range(len(lines)) if _starts_history(lines, number)), None)
    if place is None:
        place = _trailing_quotation(lines)
    new, rest = "\n".join(lines[:place]).strip(), "\n".join(lines[place:]).strip()
    if not new or not rest or _answers_between(lines[place:]):
        return text.strip(), ""
    return new, rest


def is_marked(rest: str) -> bool:
    """Whether all of a quotation below its first lines is marked as one, so that cutting it loses no word
    of the writer's."""
    lines = [line for line in rest.split("\n") if line.strip()]
    first = next((n for n, line in enumerate(lines) if _is_quoted(line)), len(lines))
    return first <= 3 and all(_is_quoted(line) for line in lines[first:])


def _is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def _starts_history(lines: Sequence[str], number: int) -> bool:
    line = lines[number].strip()
    if not line or len(line) > LONGEST_LINE or _is_quoted(line):
        return False
    if _HISTORY.fullmatch(line):
        return True
    if (
        _FROM.match(line)
        and sum(bool(_FIELD.match(each[:80])) for each in lines[number + 1 : number + 6]) >= 2
    ):
        return True
    return _is_attribution(lines, number)


def _is_attribution(lines: Sequence[str], number: int) -> bool:
    """A line like "On Monday Kim wrote:" above a marked quotation, wrapped over up to three lines."""
    first = lines[number].strip()
    if not _BEGINS.match(first) and "@" not in first:
        return False
    joined = ""
    for last in range(number, min(number + 3, len(lines))):
        joined = f"{joined} {lines[last].strip()}".strip()
        if len(joined) > LONGEST_LINE or not lines[last].strip():
            return False
        if joined.endswith(":"):
            following = next((line for line in lines[last + 1 : last + 4] if line.strip()), "")
            return bool(_WROTE.search(joined)) and _is_quoted(following)
    return False


def _trailing_quotation(lines: Sequence[str]) -> int:
    place = len(lines)
    while place > 0 and (_is_quoted(lines[place - 1]) or not lines[place - 1].strip()):
        place -= 1
    return place


def _answers_between(rest: Sequence[str]) -> bool:
    """Whether words of the writer's own follow marked quotations."""
    marked = [number for number, line in enumerate(rest) if _is_quoted(line)]
    if not marked:
        return False
    return any(line.strip() and not _is_quoted(line) for line in rest[marked[0] :])
