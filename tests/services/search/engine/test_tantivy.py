"""tantivy: the contract, and what is true of its folder alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mercato.services.search.adapters.tantivy_index import TantivyIndex
from mercato.services.search.domain import Gone
from mercato.services.search.finding import documents
from mercato.services.search.finding.finder import Finder
from mercato.services.search.finding.index import Index
from mercato.values.ids import ProductId
from mercato.values.messages import Unavailable
from tests.services.search.engine.contract import SHOES, IndexContract, Open
from tests.services.search.entries import STORE, entry, found, ids


class TestTantivy(IndexContract):
    @pytest.fixture
    def open(self, tmp_path: Path) -> Iterator[Open]:
        opened: list[TantivyIndex] = []

        def open_() -> Index:
            for index in opened:
                index.close()
            opened.append(TantivyIndex(tmp_path / "search"))
            return opened[-1]

        yield open_
        for index in opened:
            index.close()


def test_a_second_owner_is_refused(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    with pytest.raises(Unavailable, match="Another process"):
        TantivyIndex(tmp_path)
    index.write(SHOES, 1)
    index.close()
    again = TantivyIndex(tmp_path)
    assert again.mark == 1
    again.close()


def test_after_it_was_closed_a_write_is_refused(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    index.close()
    with pytest.raises(Unavailable):
        index.write(SHOES, 1)
    assert index.mark == 0


def test_a_rebuilt_index_is_taken_and_stays(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    index.write([entry("old", "Old shoes")], 3)
    finder = Finder(index)
    rebuilt = index.rebuild()
    assert rebuilt.mark == 0
    rebuilt.write(SHOES, 9)
    assert ids(finder, "shoes") == ["old"]
    index.take(rebuilt)
    assert index.mark == 9
    assert "old" not in ids(finder, "shoes")
    assert index.vocabulary(STORE).count("old") == 0
    index.write([Gone(STORE, ProductId("p1"))], 10)
    index.close()
    again = TantivyIndex(tmp_path)
    assert again.mark == 10
    assert sorted(ids(Finder(again))) == ["p2", "p3", "p4"]
    assert len(list(tmp_path.glob("index-*"))) == 1
    again.take(again.rebuild())
    assert again.mark == 0
    again.close()


def test_a_rebuild_that_was_left_is_forgotten(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path)
    index.write(SHOES, 1)
    rebuilt = index.rebuild()
    rebuilt.write([entry("p9", "Half")], 5)
    rebuilt.close()
    index.close()
    again = TantivyIndex(tmp_path)
    assert again.mark == 1
    assert not (tmp_path / "rebuilt").exists()
    again.close()


@pytest.mark.parametrize("harm", ["no meta", "meta of nothing", "segment cut", "all empty"])
def test_a_damaged_folder_is_set_aside_and_begins_anew(tmp_path: Path, harm: str) -> None:
    index = TantivyIndex(tmp_path)
    index.write(SHOES, 5)
    index.close()
    _harm(tmp_path / "index-1", harm)
    again = TantivyIndex(tmp_path)
    assert again.mark == 0
    assert (tmp_path / "set-aside").exists()
    again.write(SHOES, 6)
    assert found(Finder(again)).total == len(SHOES)
    again.close()


def _harm(folder: Path, harm: str) -> None:
    if harm == "no meta":
        (folder / "meta.json").unlink()
    elif harm == "meta of nothing":
        (folder / "meta.json").write_text("{}")
    else:
        for file in folder.iterdir():
            if file.suffix in (".store", ".fast", ".term", ".idx") or (harm == "all empty" and file.suffix):
                os.truncate(file, 0 if harm == "all empty" else file.stat().st_size // 3)


def test_another_layout_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = TantivyIndex(tmp_path)
    index.write(SHOES, 5)
    index.close()
    monkeypatch.setattr("mercato.services.search.adapters.tantivy_index.LAYOUT", documents.LAYOUT + 1)
    again = TantivyIndex(tmp_path)
    assert again.mark == 0
    assert found(Finder(again)).total == 0
    again.close()


_WRITER = """
import sys
from pathlib import Path
from mercato.services.search.adapters.tantivy_index import TantivyIndex
from tests.services.search.entries import entry

index = TantivyIndex(Path(sys.argv[1]))
mark = index.mark
while True:
    mark += 1
    index.write([entry(f"p{mark}", f"Thing {mark}"), entry("last", f"Last {mark}")], mark)
    print(mark, flush=True)
"""


def test_kill_9_in_the_middle_of_writing_loses_nothing_and_halves_nothing(tmp_path: Path) -> None:
    for round_ in range(3):
        command = [sys.executable, "-c", _WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - it is this test's
            assert writer.stdout is not None
            told = [int(writer.stdout.readline()) for _ in range(5 + round_)][-1]
            writer.send_signal(signal.SIGKILL)
            told = max([told, *map(int, writer.stdout.read().split())])
        index = TantivyIndex(tmp_path)
        assert index.mark in (told, told + 1)
        assert found(Finder(index)).total == index.mark + 1
        assert ids(Finder(index), f"last {index.mark}")[0] == "last"
        index.close()
