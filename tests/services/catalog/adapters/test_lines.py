"""Physical lines: their numbers, their encoding, packed files; and the memory of texts."""

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.services.catalog.adapters import lines
from mercato.services.catalog.adapters.lines import Lines, Seen
from mercato.services.catalog.adapters.records import BrokenFile, Progress
from tests.services.catalog.adapters.files import Folder


def numbered(path: Path) -> list[tuple[int, bytes]]:
    source = Lines(path)
    return [(source.number, line) for line in source]


def test_lines_end_with_any_of_the_three_ends(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder.write("a.txt", b"a\nb\r\nc\rd\r\r\n\ne")
    expected = [(1, b"a\n"), (2, b"b\r\n"), (3, b"c\r"), (4, b"d\r"), (5, b"\r\n"), (6, b"\n"), (7, b"e")]
    for block in (1, 2, 3, 1_000):
        monkeypatch.setattr(lines, "_BLOCK", block)
        assert numbered(path) == expected


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_long_line_comes_in_pieces_of_one_number(folder: Folder, monkeypatch: pytest.MonkeyPatch, end: bytes) -> None:
    monkeypatch.setattr(lines, "MAX_ROW", 10)
    monkeypatch.setattr(lines, "_BLOCK", 6)
    found = numbered(folder.write("a.txt", b"a" + end + b"x" * 100 + end + b"b"))
    assert {number for number, piece in found if b"x" in piece} == {2}
    assert b"".join(piece for _, piece in found) == b"a" + end + b"x" * 100 + end + b"b"
    assert max(len(piece) for _, piece in found) <= 18
    assert found[-1] == (3, b"b")


def test_other_characters_that_python_takes_for_line_ends_are_none(folder: Folder) -> None:
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\n"
    assert numbered(folder.write("a.txt", text)) == [(1, text.encode())]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_a_mark_of_the_byte_order_is_no_part_of_the_text(folder: Folder, name: str) -> None:
    assert numbered(folder.write(name, b"\xef\xbb\xbfa\n\xef\xbb\xbfb")) == [(1, b"a\n"), (2, b"\xef\xbb\xbfb")]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl"])
@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"Handle,Title\n\xe9,x\n", 2, "not in the encoding UTF-8"),
        (b'Handle,Title\na,"\n\n\xff"\n', 4, "not in the encoding UTF-8"),
        (b"Handle,Title\na,\xc3", 2, "not in the encoding UTF-8"),
        (b"Handle,Title\na,b\nc,\0", 3, "NUL byte"),
        (b"Handle,Title\r\0", 2, "NUL byte"),
        ("Handle,Title\n".encode("utf-16"), 1, "NUL byte"),
        (b"Handle,Title\na," + b"x" * 2_000_000 + b"\xff\n", 2, "not in the encoding UTF-8"),
        (b"Handle,Title\na," + b"x" * 2_000_000 + b"\xc3", 2, "not in the encoding UTF-8"),
        (b"Handle,Title\na," + b"x" * 2_000_000 + b"\0\n", 2, "NUL byte"),
    ],
)
def test_what_is_no_text_in_utf8_breaks_the_file(
    folder: Folder, name: str, content: bytes, line: int, reason: str
) -> None:
    with pytest.raises(BrokenFile, match=reason) as refusal:
        folder.read(name, content)
    assert (refusal.value.file, refusal.value.line) == (name, line)


def test_a_character_may_lie_across_the_pieces_of_a_long_line(folder: Folder) -> None:
    rows = "Handle,Title\n" + "".join(f"{'x' * shift}{'é' * 1_000_000}\n" for shift in range(4)) + "a,A\n"
    outcome = folder.read("a.csv", rows)
    assert outcome.rejected == [(2, ""), (3, ""), (4, ""), (5, "")]
    assert outcome.product.line == 6


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:40] + b"xxxx" + data[44:]])
def test_a_damaged_packed_file_is_broken(folder: Folder, damage: object) -> None:
    assert callable(damage)
    text = "Handle,Title\n" + "".join(f"p{n},Product {n}\n" for n in range(100))
    path = folder.write("raw.bin", damage(gzip.compress(text.encode())))
    with pytest.raises(BrokenFile, match="the packed file is damaged or cut off"):
        numbered(path)


def test_what_is_packed_is_told_by_content_not_by_name(folder: Folder) -> None:
    packed = folder.write("products.csv", gzip.compress(b"Handle,Title\na,A\n"))
    assert [line for _, line in numbered(packed)] == [b"Handle,Title\n", b"a,A\n"]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_progress_goes_from_nothing_to_all_bytes_of_the_file(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(lines, "_BLOCK", 1_000)
    letters = random.Random(7)  # noqa: S311 - text that packs badly, the same in every run
    path = folder.write(name, "".join(letters.choice("abcdefgh\n") for _ in range(100_000)))
    source = Lines(path)
    total = path.stat().st_size
    assert source.progress() == Progress(0, total)
    steps = [source.progress().done for _ in source]
    assert steps == sorted(steps)
    assert len(set(steps)) > 3
    assert source.progress() == Progress(total, total)


@given(st.lists(st.text(max_size=3)))
def test_seen_knows_what_came_before(texts: list[str]) -> None:
    seen = Seen()
    known: set[str] = set()
    for text in texts:
        assert seen.add(text) == (text not in known)
        known.add(text)


def test_seen_grows_and_stays_small() -> None:
    seen = Seen()
    assert all(seen.add(str(number)) for number in range(20_000))
    assert not any(seen.add(str(number)) for number in range(20_000))
    assert len(seen._slots) * 8 <= 512 * 1024


def test_full_memory_knows_old_texts_and_takes_no_new_ones() -> None:
    seen = Seen(limit=2)
    assert [seen.add(text) for text in ("a", "b", "c", "c", "a")] == [True, True, True, True, False]
    assert seen.full
