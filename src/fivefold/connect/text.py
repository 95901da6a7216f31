"""Text files: which encoding, which delimiter, which cell stands where.

Works on bytes and arrays, so that a file of a million rows costs a few passes over it; only
rows in trouble are looked at one by one. Knows nothing of tables.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from fivefold.connect.findings import Findings, shown
from fivefold.connect.settings import Limits

_DELIMITERS = {"\t": "tab", ",": "comma", ";": "semicolon"}
_CONTROL = bytes([*range(9), 11, 12, *range(14, 32), 127])
_MULTIBYTE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table of text as it stands in a file.

    Parameters
    ----------
    header : tuple of str
        Names as written.
    cells : polars.DataFrame
        Columns `c0`, `c1`, … of text, stripped, null where empty, and `_row`: the row of the
        file, the header being row 1.
    encoding, delimiter : str
        As found.
    """

    header: tuple[str, ...]
    cells: pl.DataFrame
    encoding: str
    delimiter: str


@lru_cache(maxsize=4096)
def folded(name: str) -> str:
    """Return a column name without what changes between layouts of one report.

    Case, spaces, hyphens, underscores, punctuation, accents and a leading DEPRECATED go.

    >>> folded("DEPRECATED healthy-inventory-level"), folded("Fulfillment Center"), folded("Año")
    ('healthy_inventory_level', 'fulfillment_center', 'ano')
    """
    text = unicodedata.normalize("NFKD", name.strip().lstrip("\ufeff")).casefold()
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    text = re.sub(r"^deprecated[\s_-]+", "", text)
    return re.sub(r"\W+|_+", "_", text).strip("_")


def read_sheet(content: bytes, limits: Limits, findings: Findings) -> Sheet | None:
    """Return the cells of a text file; None where it cannot be read, the reason being told.

    Quotes are read as RFC 4180 says in files with commas or semicolons, and in files with tabs
    only where every name of the header is quoted; elsewhere an inch sign is an inch sign.
    """
    body, encoding = _decoded(content, limits, findings)
    if body is None:
        return None
    head = body.split(b"\n", 1)[0].decode()
    delimiter = _delimiter(head)
    quoted = b'"' in body and (
        delimiter != "\t" or all(re.fullmatch(r'\s*".*"\s*', name) for name in head.split("\t"))
    )
    lines = _Lines(body, delimiter, quoted)
    if quoted and not lines.quotes_close(findings):
        return None
    if not _within(lines, limits, findings):
        return None
    return _sheet(body, lines, encoding, delimiter, limits, findings)


def _decoded(content: bytes, limits: Limits, findings: Findings) -> tuple[bytes | None, str]:
    """Return the content as UTF-8 with line ends of one kind, and the encoding it came in."""
    if len(content) > limits.max_bytes:
        findings.say(
            "too_large",
            f"the file has {len(content):,} bytes, at most {limits.max_bytes:,} are read; split it",
        )
        return None, ""
    encoding = "UTF-8"
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            content, encoding = content.decode("utf-16").encode(), "UTF-16"
        except UnicodeError:
            findings.say("bad_encoding", "the file is broken UTF-16; save it as UTF-8")
            return None, ""
    content = content.removeprefix(codecs.BOM_UTF8)
    zero = content.find(b"\0")
    if zero >= 0:
        row = content.count(b"\n", 0, zero) + 1
        findings.say(
            "nul_byte",
            "found a NUL byte; this is not a text file, export it as text again",
            row=row,
        )
        return None, ""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        decoded = _from_windows(content, error, findings)
        if decoded is None:
            return None, ""
        text, encoding = decoded, "Windows-1252"
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        text = text.replace("\r", " " if "\n" in text else "\n")
    body = text.encode()
    if not body.strip():
        findings.say("empty_file", "the file is empty; export it again")
        return None, ""
    if len(body.translate(None, _CONTROL)) != len(body):
        at = min(body.index(code) for code in _CONTROL if code in body)
        row = body.count(b"\n", 0, at) + 1
        findings.say(
            "control_character",
            f"found the control character U+{body[at]:04X}; remove it",
            row=row,
        )
        return None, ""
    if "\ufffd" in text:
        row = text.count("\n", 0, text.index("\ufffd")) + 1
        findings.say(
            "damaged_text",
            "found the sign �: letters were lost before the file came here; export it again if "
            "they matter",
            row=row,
            severity="warning",
        )
    return body, encoding


def _from_windows(content: bytes, error: UnicodeDecodeError, findings: Findings) -> str | None:
    """Return Windows-1252 text; None where lines of two encodings are mixed."""
    bad_row = content.count(b"\n", 0, error.start) + 1
    for row, line in enumerate(content.split(b"\n"), start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            rest = _MULTIBYTE.sub(b"", line)
            mixed = rest != line and not rest.isascii()
        else:
            mixed = True
        if mixed:
            findings.say(
                "mixed_encoding",
                f"row {row} is written in UTF-8 and row {bad_row} is not; save the whole file as "
                "UTF-8",
                row=bad_row,
            )
            return None
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as worse:
        findings.say(
            "bad_encoding",
            f"found the byte 0x{content[worse.start]:02X}, which is neither UTF-8 nor "
            "Windows-1252; save the file as UTF-8",
            row=content.count(b"\n", 0, worse.start) + 1,
        )
        return None


def _delimiter(head: str) -> str:
    bare = re.sub(r'"[^"]*"', "", head)
    return max(_DELIMITERS, key=lambda sign: (bare.count(sign), sign == "\t"))


class _Lines:
    """Where the records of a text begin and end and how many cells each has.

    A record is a line, or several where a quoted cell holds line ends. All positions come
    from a few vector passes over the bytes.
    """

    def __init__(self, body: bytes, delimiter: str, quoted: bool) -> None:
        self.body = body
        raw = np.frombuffer(body, dtype=np.uint8)
        self.raw = raw
        ends = raw == ord("\n")
        splits = raw == ord(delimiter)
        self.quotes: npt.NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self.delimiter = ord(delimiter)
        if quoted:
            self.quotes = np.flatnonzero(raw == ord('"'))
            inside = np.cumsum(raw == ord('"'), dtype=np.int32) % 2 == 1
            ends &= ~inside
            splits &= ~inside
        stop = np.flatnonzero(ends)
        if len(raw) and (not len(stop) or stop[-1] != len(raw) - 1):
            stop = np.append(stop, len(raw))
        self.stop = stop
        self.start = np.concatenate(([0], stop[:-1] + 1)) if len(stop) else stop
        at = np.searchsorted(np.flatnonzero(splits), stop)
        self.cells = np.diff(at, prepend=0) + 1

    def quotes_close(self, findings: Findings) -> bool:
        """Whether every quote that opens a cell opens it at its start and closes at its end."""
        opening, closing = self.quotes[0::2], self.quotes[1::2]
        edges = (self.delimiter, ord("\n"), ord('"'))
        spaces = (ord(" "),)
        raw = self.raw
        before = raw[np.maximum(opening - 1, 0)]
        wrong = opening[~(np.isin(before, edges) | (opening == 0))]
        after = raw[np.minimum(closing + 1, len(raw) - 1)]
        ends_text = closing == len(raw) - 1
        wrong_after = closing[~(np.isin(after, edges + spaces) | ends_text)]
        first = np.concatenate((wrong, wrong_after))
        if len(self.quotes) % 2:
            first = np.append(first, self.quotes[-1])
        if not len(first):
            return True
        row = int(np.count_nonzero(self.raw[: first.min()] == ord("\n"))) + 1
        findings.say(
            "stray_quote",
            'found a " that neither opens nor closes a cell; write "" for an inch sign in a cell '
            "between quotes, or remove it",
            row=row,
        )
        return False

    def text(self, record: int) -> str:
        return self.body[self.start[record] : self.stop[record]].decode()


def _within(lines: _Lines, limits: Limits, findings: Findings) -> bool:
    """Whether rows, columns and line lengths are within the limits."""
    columns = int(lines.cells[0])
    rows = len(lines.stop) - 1
    longest = int((lines.stop - lines.start).argmax())
    length = int(lines.stop[longest] - lines.start[longest])
    if columns > limits.max_columns:
        findings.say(
            "too_many_columns",
            f"the header has {columns:,} columns, at most {limits.max_columns:,} are read",
            row=1,
        )
    if rows > limits.max_rows:
        findings.say(
            "too_many_rows",
            f"the file has {rows:,} rows, at most {limits.max_rows:,} are read; split it",
        )
    if length > limits.max_line_bytes:
        findings.say(
            "line_too_long",
            f"the row has {length:,} bytes, at most {limits.max_line_bytes:,} are read; a line "
            "end is probably missing",
            row=longest + 1,
        )
    return not findings.has_errors


def _sheet(
    body: bytes,
    lines: _Lines,
    encoding: str,
    delimiter: str,
    limits: Limits,
    findings: Findings,
) -> Sheet | None:
    width = int(lines.cells[0])
    blank = _blank(lines)
    wide = np.flatnonzero((lines.cells > width) & ~blank)
    too_wide = [int(i) for i in wide if _has_cells_beyond(lines.text(int(i)), delimiter, width)]
    findings.say_rows(
        "wide_row",
        [i + 1 for i in too_wide],
        [int(lines.cells[i]) for i in too_wide],
        lambda cells: (
            f"has {cells} cells, the header has {width}; a {_DELIMITERS[delimiter]} "
            "stands inside a cell, put the cell between quotes or remove it"
        ),
    )
    short = np.flatnonzero((lines.cells < width) & ~blank)
    findings.say_rows(
        "short_row",
        [int(i) + 1 for i in short],
        [int(lines.cells[i]) for i in short],
        lambda cells: (
            f"has {cells} cells, the header has {width}; the missing ones at its end "
            "were read as empty"
        ),
        severity="warning",
    )
    keep = ~blank
    keep[too_wide] = False
    keep[0] = True
    if not keep.all():
        body = b"\n".join(
            body[start:stop]
            for start, stop in zip(lines.start[keep], lines.stop[keep], strict=True)
        )
    quoted = len(lines.quotes) > 0
    frame = pl.read_csv(
        body if body.endswith(b"\n") else body + b"\n",
        separator=delimiter,
        quote_char='"' if quoted else None,
        has_header=False,
        infer_schema=False,
        truncate_ragged_lines=True,
        new_columns=[f"c{i}" for i in range(width)],
    )
    rows = np.flatnonzero(keep) + 1
    assert frame.height == len(rows), "polars and the line table count records alike"
    header = tuple("" if name is None else str(name).strip() for name in frame.row(0))
    cells = strip_cells(frame.slice(1)).with_columns(pl.Series("_row", rows[1:], dtype=pl.Int64))
    _long_cells(cells, header, limits, findings)
    return Sheet(header=header, cells=cells, encoding=encoding, delimiter=_DELIMITERS[delimiter])


def _blank(lines: _Lines) -> npt.NDArray[np.bool_]:
    """Which records are empty lines, or lines of nothing but delimiters, quotes and spaces."""
    empty = np.zeros(256, dtype=bool)
    empty[[lines.delimiter, *b' "\t\n']] = True
    written = ~empty[lines.raw]
    blank: npt.NDArray[np.bool_] = ~np.logical_or.reduceat(written, lines.start)
    blank[0] = False
    return blank


def _has_cells_beyond(line: str, delimiter: str, width: int) -> bool:
    outside = re.sub(r'"[^"]*"', "x", line) if '"' in line else line
    return any(cell.strip() for cell in outside.split(delimiter)[width:])


def strip_cells(frame: pl.DataFrame) -> pl.DataFrame:
    """Return text cells without surrounding white space, null where nothing is left."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    frame = frame.with_columns(pl.col(name).str.strip_chars() for name in texts)
    return frame.with_columns(
        pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in texts
    )


def _long_cells(
    cells: pl.DataFrame, header: tuple[str, ...], limits: Limits, findings: Findings
) -> None:
    longest = cells.select(pl.col(pl.String).str.len_chars().max())
    for name in longest.columns:
        if (longest[name][0] or 0) > limits.max_cell_characters:
            bad = cells.filter(pl.col(name).str.len_chars() > limits.max_cell_characters)
            findings.say_frame(
                "cell_too_long",
                bad,
                name,
                lambda value: (
                    f"{shown(value)} has {len(str(value)):,} characters, at most "
                    f"{limits.max_cell_characters:,} are read"
                ),
                column=header[int(name[1:])],
            )


def read_header(content: bytes) -> tuple[str, ...] | None:
    """Return the names in the first line of a text file; None where it is no text.

    Looks at no more than the first line, so that a large file is recognised at once.
    """
    head = content[:262_144]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        head = head[: len(head) // 2 * 2].decode("utf-16", errors="replace").encode()
    head = head.removeprefix(codecs.BOM_UTF8)
    line = re.split(rb"\r\n|\n|\r", head, maxsplit=1)[0]
    if not line.strip() or b"\0" in line:
        return None
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("cp1252", errors="replace")
    cells = text.split(_delimiter(text))
    return tuple(cell.strip().strip('"').strip() for cell in cells)
