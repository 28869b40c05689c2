"""The words of an HTML mail."""

from html.parser import HTMLParser

import nh3

MOST = 1_000_000
_BLOCKS = {"p", "div", "tr", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr"}
_TAGS = {*_BLOCKS, "br", "li", "blockquote", "td", "th", "tbody", "thead", "a"}
_DROPPED = {"script", "style", "title"}


def text_of(html: str) -> str:
    """Plain text: blocks and breaks become lines, list items dashes, quotations lines that begin with ">".

    The cleaner (fast, and sound on any input) turns rot into proper HTML before it is walked.
    """
    clean = nh3.clean(html[:MOST], tags=_TAGS, attributes={}, clean_content_tags=_DROPPED, link_rel=None)
    walker = _Walker()
    walker.feed(clean)
    walker.close()
    return walker.text()


class _Walker(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._lines: list[str] = [""]
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "blockquote":
            self._break()
            self._depth += 1
        elif tag == "br":
            self._lines.append("")
        elif tag == "li":
            self._break()
            self._lines[-1] = "- "
        elif tag in ("td", "th"):
            self._lines[-1] += " "
        elif tag in _BLOCKS:
            self._break()
        self._mark()

    def handle_endtag(self, tag: str) -> None:
        if tag == "blockquote":
            self._depth = max(0, self._depth - 1)
        if tag in _BLOCKS or tag == "blockquote":
            self._lines.append("")
            self._mark()

    def handle_data(self, data: str) -> None:
        words = " ".join(data.split())
        before, after = data[:1].isspace(), data[-1:].isspace()
        if words:
            self._lines[-1] += (" " if before else "") + words + (" " if after else "")
        elif data and not self._lines[-1].endswith(" "):
            self._lines[-1] += " "

    def _break(self) -> None:
        if self._lines[-1].strip(" >"):
            self._lines.append("")
            self._mark()

    def _mark(self) -> None:
        if not self._lines[-1].strip():
            # Deeper than anyone quotes would only make the lines long.
            self._lines[-1] = "> " * min(self._depth, 9)

    def text(self) -> str:
        """The lines, without more than one empty one between."""
        kept: list[str] = []
        for line in self._lines:
            line = line.rstrip()
            if line.strip(" >") or (kept and kept[-1].strip(" >")):
                kept.append(line.lstrip() if not line.startswith("- ") else line)
        return "\n".join(kept).strip()
