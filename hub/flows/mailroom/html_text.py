"""The words of an HTML mail.

A scanner that reads each character once. Real HTML parsers build a tree, and a mail of nothing but nested
tags keeps them busy for minutes; for words no tree is needed.
"""

import re
from collections.abc import Iterator
from html import unescape

MOST = 1_000_000
DEEPEST = 9
"""Deeper quotations than anyone writes would only make the lines long."""

_BLOCKS = {"p", "div", "tr", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr"}
_NAME = re.compile(r"<\s*(/?)\s*([a-zA-Z][a-zA-Z0-9]{0,20})")
_END_OF_SILENT = {name: re.compile(f"</{name}", re.IGNORECASE) for name in ("script", "style", "title")}


def text_of(html: str) -> str:
    """Plain text: blocks and breaks become lines, list items dashes, quotations lines that begin with ">"."""
    writer = _Writer()
    for closes, tag, words in _tokens(html[:MOST]):
        if not tag:
            writer.words(unescape(words))
        elif closes:
            writer.end(tag)
        else:
            writer.start(tag)
    return writer.text()


def _tokens(html: str) -> Iterator[tuple[bool, str, str]]:
    """(closing?, tag, "") or (False, "", words), in their order. What is left open takes the rest with it."""
    place = 0
    while place < len(html):
        opening = html.find("<", place)
        if opening != place:
            yield False, "", html[place : opening if opening >= 0 else len(html)]
        if opening < 0:
            return
        named = _NAME.match(html, opening)
        end = html.find("-->" if html.startswith("<!--", opening) else ">", opening)
        if end < 0:
            return
        place = end + (3 if html.startswith("-->", end) else 1)
        if named is None:
            continue
        tag = named[2].lower()
        yield bool(named[1]), tag, ""
        if not named[1] and (silent := _END_OF_SILENT.get(tag)):
            found = silent.search(html, place)
            place = found.start() if found else len(html)


class _Writer:
    """Lines that grow; each is (depth of quotation, words)."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, list[str]]] = [(0, [])]
        self._depth = 0

    def start(self, tag: str) -> None:
        """An opening tag."""
        if tag == "blockquote":
            self._depth += 1
        if tag in _BLOCKS or tag in ("blockquote", "li", "br"):
            self._line(always=tag == "br")
        if tag == "li":
            self.words("- ")
        elif tag in ("td", "th"):
            self.words(" ")

    def end(self, tag: str) -> None:
        """A closing tag."""
        if tag == "blockquote":
            self._depth = max(0, self._depth - 1)
        if tag in _BLOCKS or tag == "blockquote":
            self._line(always=tag == "p")

    def words(self, words: str) -> None:
        """Text between tags; blanks count as one."""
        self._lines[-1][1].append(words)

    def _line(self, *, always: bool) -> None:
        if always or "".join(self._lines[-1][1]).strip():
            self._lines.append((self._depth, []))
        else:
            self._lines[-1] = (self._depth, [])

    def text(self) -> str:
        """All lines, without more than one empty one between."""
        kept: list[str] = []
        for depth, words in self._lines:
            line = " ".join("".join(words).split())
            mark = "> " * min(depth, DEEPEST)
            if line or (kept and kept[-1].strip("> ")):
                kept.append(f"{mark}{line}".rstrip())
        return "\n".join(kept).strip()
