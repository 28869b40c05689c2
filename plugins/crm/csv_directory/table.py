"""A CSV file as rows of named cells, and what is wrong with it."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hub.plugin.contracts import RecordProblem, clip

YES = frozenset({"yes", "y", "true", "1", "on"})
NO = frozenset({"no", "n", "false", "0", "off"})
LONGEST_CELL = 100_000


class Wrong(Exception):
    """What is wrong with a row, in a sentence that says what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its cells by column, all trimmed; `where` is how people find it."""

    where: str
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        """A cell on one line, empty when the column is missing."""
        return " ".join(self.cells.get(column, "").split())

    def needed(self, column: str, longest: int = 200) -> str:
        """A cell that must not be empty; raises Wrong."""
        value = self.text(column)
        if not value:
            raise Wrong(f"{column} is empty; every line needs it.")
        if len(value) > longest:
            raise Wrong(f"{column} has more than {longest} characters.")
        return value

    def several(self, column: str) -> tuple[str, ...]:
        """The parts of a cell, parted by `|`."""
        return tuple(part.strip() for part in self.text(column).split("|") if part.strip())

    def switch(self, column: str, default: bool) -> bool:
        """A yes or no; raises Wrong for anything else."""
        word = self.text(column).casefold()
        if word and word not in YES | NO:
            raise Wrong(f"{column} is {clip(word, 40)}; write yes or no.")
        return default if not word else word in YES


@dataclass(slots=True)
class Table:
    """The rows of one file."""

    rows: list[Row] = field(default_factory=list)
    problems: list[RecordProblem] = field(default_factory=list)


def read(name: str, raw: bytes, columns: Sequence[str], needed: Sequence[str]) -> Table:
    """The rows of a file; a file that cannot be understood has none, and a problem that says why."""
    table = Table()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        _problem(table, f"{name} line {line}", "It is not UTF-8; save the file as “CSV UTF-8”.")
        return table
    lines = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=_delimiter(text))
    try:
        header = [cell.strip().casefold() for cell in next(lines, [])]
        if _is_header(table, name, header, columns, needed):
            for cells in lines:
                _row(table, name, lines.line_num, header, cells)
    except csv.Error as error:
        _problem(table, f"{name} line {lines.line_num}", f"It is no CSV: {error}.")
    return table


def digest(files: Mapping[str, bytes]) -> str:
    """One hash over all files, by which an unchanged folder is known."""
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}:{len(files[name])}:".encode() + files[name])
    return whole.hexdigest()


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max(";,\t", key=first.count)


def _is_header(
    table: Table, name: str, header: Sequence[str], columns: Sequence[str], needed: Sequence[str]
) -> bool:
    where = f"{name} line 1"
    if missing := [column for column in needed if column not in header]:
        _problem(
            table,
            where,
            f"The column {missing[0]} is missing. The first line names the columns: {', '.join(columns)}.",
        )
        return False
    for column in dict.fromkeys(header):
        if column and column not in columns:
            known = ", ".join(columns)
            _problem(table, where, f"The column {clip(column, 40)} is left out; known are {known}.")
        elif header.count(column) > 1 and column:
            _problem(table, where, f"The column {column} is there twice; the last one counts.")
    return True


def _row(table: Table, name: str, line: int, header: Sequence[str], cells: Sequence[str]) -> None:
    if not any(cell.strip() for cell in cells):
        return
    where = f"{name} line {line}"
    if len(cells) > len(header):
        _problem(table, where, "It has more cells than columns; put cells that hold a separator in quotes.")
    elif any(len(cell) > LONGEST_CELL for cell in cells):
        _problem(table, where, f"A cell has more than {LONGEST_CELL:,} characters; a quote may be missing.")
    else:
        table.rows.append(Row(where, {h: cell.strip() for h, cell in zip(header, cells, strict=False)}))


def _problem(table: Table, where: str, reason: str) -> None:
    table.problems.append(RecordProblem(where, reason))
