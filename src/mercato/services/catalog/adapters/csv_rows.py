"""The rows of a CSV file: strict about quoting, bounded in size, with the line where each row begins."""

import csv
import re
from collections.abc import Iterator

from mercato.services.catalog.adapters.lines import MAX_ROW, Lines, LongText, ends_line

_UNCLOSED = "a quote that opens in this row is never closed. Close it, or export the file again."
_AFTER_QUOTE = (
    "the quoting is broken: in this row text follows a closing quote. "
    'Write a quote inside a quoted cell twice (""), or export the file again.'
)


# Whole quoted cells with the commas behind them, and the inside of a quoted cell as far as it goes. Each byte can be
# read in one way only, so nothing is tried twice, and the bounds keep what is remembered small: behind them the reading
# goes on. Possessive groups would say all that, but early releases of Python 3.11 misread them.
_QUOTED = re.compile(rb'[^"]*(?:""[^"]*){0,500}')
_CELLS = re.compile(rb'(?:"[^"]*(?:""[^"]*){0,500}",){0,500}')


class _LongRow(Exception):
    """The row under way has outgrown MAX_ROW with this piece of it."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece


class CsvRows:
    """One pass over the rows, as pairs of the line where a row begins and its cells; None for a row over MAX_ROW.

    An empty line is a row without cells. Raises BrokenFile for broken quoting and text that is not UTF-8.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._pieces = iter(lines)
        self._room = MAX_ROW

    def __iter__(self) -> Iterator[tuple[int, list[str] | None]]:
        # The limit belongs to the whole process. Raising it disturbs nobody and putting it back could disturb
        # another import that is under way; the size of a row is bounded here, not by that limit.
        if csv.field_size_limit() < MAX_ROW:
            csv.field_size_limit(MAX_ROW)
        lines = self._lines
        reader = csv.reader(self._texts(), strict=True)
        while True:
            line = lines.number + 1
            self._room = MAX_ROW
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # Only the end of the file is told by this word; everything else is text after a closing quote.
                reason = _UNCLOSED if "unexpected end" in str(error) else _AFTER_QUOTE
                raise lines.broken(reason, line) from None
            except _LongRow as long:
                self._skip(line, long.piece)
                yield line, None
                reader = csv.reader(self._texts(), strict=True)
            else:
                yield line, row

    def _texts(self) -> Iterator[str]:
        decode = self._lines.decode
        for piece in self._pieces:
            self._room -= len(piece)
            if self._room < 0:
                raise _LongRow(piece)
            yield decode(piece)

    def _skip(self, line: int, piece: bytes) -> None:
        """Pass over the row that began on `line`, from `piece` to its end."""
        # Only an open quote carries a row over the end of a line.
        end = _RowEnd(quoted=self._lines.number != line)
        text = LongText(self._lines)
        text.check(piece)
        while end.is_open_after(piece):
            following = next(self._pieces, None)
            if following is None:
                if end.is_unclosed:
                    raise self._lines.broken(_UNCLOSED, line)
                break
            piece = following
            text.check(piece)
        text.check(b"", last=True)
        if end.broken:
            raise self._lines.broken(_AFTER_QUOTE, line)


class _RowEnd:
    """Finds where a row ends without keeping its cells: what the strict reader would do with it, in flat memory."""

    def __init__(self, quoted: bool) -> None:
        self.broken = False
        self._quoted = quoted  # inside a quoted cell
        self._fresh = not quoted  # at the beginning of a cell
        self._closing = False  # after a quote inside a quoted cell: it closes the cell or is the first of two

    @property
    def is_unclosed(self) -> bool:
        """Whether a quote is still open, so that the file may not end here."""
        return self._quoted and not self._closing

    def is_open_after(self, piece: bytes) -> bool:
        """Whether the row goes on after `piece`, which is a line or a part of one."""
        position = 0
        while position < len(piece) and not self.broken:
            if self._closing:
                position = self._after_quote(piece, position)
            elif self._quoted:
                position = _end(_QUOTED, piece, position) + 1
                self._closing = position <= len(piece)
            elif self._fresh and piece.startswith(b'"', position):
                start, position = position, _end(_CELLS, piece, position)
                if position == start:
                    position += 1
                    self._quoted, self._fresh = True, False
            else:
                # A quote opens a quoted cell only where a cell begins; elsewhere it is a character like any other.
                position = piece.find(b',"', position) + 1 or len(piece)
                self._fresh = position < len(piece) or piece.endswith(b",")
        return not self.broken and (self._quoted or not ends_line(piece))

    def _after_quote(self, piece: bytes, position: int) -> int:
        following = piece[position : position + 1]
        self._closing = False
        if following == b'"':
            return position + 1
        self._quoted = False
        self._fresh = following == b","
        self.broken = following not in (b",", b"\r", b"\n")
        return position + 1


def _end(pattern: re.Pattern[bytes], piece: bytes, position: int) -> int:
    match = pattern.match(piece, position)
    return match.end() if match else position
