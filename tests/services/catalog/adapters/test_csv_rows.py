"""Rows of CSV: strict quoting, exact lines, bounded size."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mercato.services.catalog.adapters import csv_rows, lines
from mercato.services.catalog.adapters.csv_rows import CsvRows
from mercato.services.catalog.adapters.lines import Lines
from mercato.services.catalog.adapters.records import BrokenFile
from tests.services.catalog.adapters.files import Folder


def rows(path: Path) -> list[tuple[int, list[str] | None]]:
    return list(CsvRows(Lines(path)))


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('a,b\n1,"2\n', 2, "never closed"),
        ('a,b\n\n1,"2\n3,4\n5,6\n', 3, "never closed"),
        ('a,b\n1,"2"3\n', 2, "text follows a closing quote"),
        ('a,b\n1,"2" ,3\n', 2, "text follows a closing quote"),
        ('a,b\n"x\ny"z,3\n', 2, "text follows a closing quote"),
        ('"', 1, "never closed"),
    ],
)
def test_broken_quoting_breaks_the_file_where_its_row_begins(folder: Folder, text: str, line: int, reason: str) -> None:
    path = folder.write("a.csv", text)
    with pytest.raises(BrokenFile, match=reason) as refusal:
        rows(path)
    assert refusal.value.line == line


def test_a_quote_inside_an_unquoted_cell_is_a_character(folder: Folder) -> None:
    assert rows(folder.write("a.csv", 'a,5" pipe,"6"" pipe"\n')) == [(1, ["a", '5" pipe', '6" pipe'])]


def test_a_cell_may_be_larger_than_the_limit_that_python_begins_with(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = csv.field_size_limit(1_000)
    try:
        assert rows(folder.write("a.csv", "x" * 200_000)) == [(1, ["x" * 200_000])]
        assert csv.field_size_limit() >= lines.MAX_ROW
    finally:
        csv.field_size_limit(before)


LONG = "x" * 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a\n{LONG}\nb\n", [(1, ["a"]), (2, None), (3, ["b"])]),
        (f"a\n{LONG}", [(1, ["a"]), (2, None)]),
        (f'a\n"{LONG}\n{LONG}",c\nb\n', [(1, ["a"]), (2, None), (4, ["b"])]),
        (f'a\n"{LONG}""\n""{LONG}"\nb\n', [(1, ["a"]), (2, None), (4, ["b"])]),
        (f'a\n"{LONG}","\n","{LONG}"\nb\n', [(1, ["a"]), (2, None), (4, ["b"])]),
        (f'a\n"x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n{LONG}"\nb\n', [(1, ["a"]), (2, None), (14, ["b"])]),
        (f'{LONG}"\nb\n', [(1, None), (2, ["b"])]),
        (f'"{LONG}"', [(1, None)]),
    ],
)
def test_a_row_that_is_too_long_is_passed_over(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, text: str, expected: list[tuple[int, list[str] | None]]
) -> None:
    monkeypatch.setattr(csv_rows, "MAX_ROW", 32)
    monkeypatch.setattr(lines, "MAX_ROW", 32)
    for block in (3, 7, 1_000):
        monkeypatch.setattr(lines, "_BLOCK", block)
        assert rows(folder.write("a.csv", text)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f'a\n"{LONG}', "never closed"),
        (f'a\n"{LONG}"x\nb\n', "text follows a closing quote"),
        (f'a\n{LONG},"{LONG}"x', "text follows a closing quote"),
    ],
)
def test_broken_quoting_is_seen_in_a_row_that_is_too_long(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    monkeypatch.setattr(csv_rows, "MAX_ROW", 32)
    monkeypatch.setattr(lines, "MAX_ROW", 32)
    for block in (3, 7, 1_000):
        monkeypatch.setattr(lines, "_BLOCK", block)
        with pytest.raises(BrokenFile, match=reason) as refusal:
            rows(folder.write("a.csv", text))
        assert refusal.value.line == 2


@settings(max_examples=500, deadline=None)
@example(text='aaaaaaaaa"\n,"\n', limit=8, block=1)
@example(text="aaaaaaaaaaaaaaa\r\nb", limit=4, block=1)
@given(text=st.text(alphabet='ab,"\n\r', max_size=60), limit=st.integers(4, 24), block=st.integers(1, 20))
def test_rows_are_what_the_strict_reader_makes_of_the_text(text: str, limit: int, block: int) -> None:
    expected: list[list[str]] | None
    try:
        expected = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        expected = None
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "MAX_ROW", limit)
        patch.setattr(lines, "MAX_ROW", limit)
        patch.setattr(lines, "_BLOCK", block)
        path = Path(name, "a.csv")
        path.write_text(text, newline="")
        if expected is None:
            with pytest.raises(BrokenFile):
                rows(path)
            return
        found = rows(path)
    assert len(found) == len(expected)
    physical = io.StringIO(text, newline="").readlines()
    for index, (line, row) in enumerate(found):
        following = found[index + 1][0] if index + 1 < len(found) else len(physical) + 1
        size = sum(map(len, physical[line - 1 : following - 1]))
        assert row == (expected[index] if size <= limit else None)
