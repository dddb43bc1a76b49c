"""Log files: of limited size and number, written by a thread, and never in the way of who writes to them."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mercato.runtime import log_files
from mercato.runtime.log_files import LogFile
from mercato.runtime.settings import SettingsError, read_settings
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import ManualClock

SIZE, FILES = 100, 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.log"


@pytest.fixture
def log(path: Path) -> Iterator[LogFile]:
    made = LogFile(path, SIZE, FILES)
    yield made
    made.close()


class Disk:
    """Stands for the file of a log: it holds writes up until it is `freed`, takes a part of each, or fails."""

    def __init__(self, log: LogFile) -> None:
        self._log = log
        self._file = log._file
        self.freed = threading.Event()
        self.freed.set()
        self.fails = False
        log._file = self  # type: ignore[assignment]

    def write(self, data: Any) -> int:
        assert self.freed.wait(10)
        written = self._file.write(data[: max(1, len(data) // 2)])
        if self.fails:
            raise OSError("no space left")
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def settle(log: LogFile) -> None:
    """Wait until the thread has done what it was handed."""
    for _ in range(10_000):
        if log._done == log._handed:
            return
        time.sleep(0.001)
    raise AssertionError("the thread of the log does nothing")


def lines(numbers: Iterator[int] | range) -> str:
    return "".join(f"line {number:04d}\n" for number in numbers)  # ten bytes each


def test_lines_of_text_and_of_bytes_are_written_in_order_behind_what_was_there(path: Path) -> None:
    path.write_text("before\n")
    log = LogFile(path, SIZE, FILES)
    log.write("a\n")
    log.write(b"b\n")
    log.write("ü\n")
    log.close()
    log.close()
    assert path.read_text() == "before\na\nb\nü\n"


def test_a_file_that_is_full_makes_room_and_the_oldest_goes(log: LogFile, path: Path) -> None:
    for number in range(45):
        log.write(lines(range(number, number + 1)))
    log.close()
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["some.log", "some.log.1", "some.log.2"]
    assert [file.read_text() for file in files] == [lines(range(40, 45)), lines(range(30, 40)), lines(range(20, 30))]


def test_a_pile_that_is_larger_than_a_file_stays_in_one_piece(log: LogFile, path: Path) -> None:
    for start in (0, 20, 40):
        log.write(lines(range(start, start + 20)))
    log.close()
    assert path.read_text() == lines(range(40, 60))
    assert path.with_name("some.log.1").read_text() == lines(range(20, 40))


def test_a_restart_goes_on_with_the_size_that_is_there(path: Path) -> None:
    for start in (0, 8):
        log = LogFile(path, SIZE, FILES)
        log.write(lines(range(start, start + 8)))
        log.close()
    assert path.read_text() == lines(range(8, 16))
    assert path.with_name("some.log.1").read_text() == lines(range(8))


def test_a_file_that_somebody_took_away_is_made_again(log: LogFile, path: Path) -> None:
    log.write(lines(range(10)))
    settle(log)
    path.unlink()
    log.write(lines(range(10, 11)))
    log.close()
    assert [file.name for file in path.parent.iterdir()] == ["some.log"]
    assert path.read_text() == lines(range(10, 11))


def test_a_disk_that_is_slow_holds_nobody_up_and_too_much_is_refused(
    log: LogFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_files, "MOST_WAITING", 100)
    disk = Disk(log)
    disk.freed.clear()
    for number in range(10):
        log.write(lines(range(number, number + 1)))
    with pytest.raises(BlockingIOError, match=re.escape(f"more than 100 bytes wait to be written to {path}")):
        log.write("x\n")
    assert path.read_text() == ""
    disk.freed.set()
    log.close()
    assert path.read_text() == lines(range(10))


def test_a_disk_that_is_full_loses_whole_lines_and_counts_them(path: Path) -> None:
    log = LogFile(path, SIZE, FILES)
    disk = Disk(log)
    log.write(lines(range(3)))
    settle(log)
    disk.fails = True
    log.write(lines(range(3, 6)))
    settle(log)
    disk.fails = False
    log.write(lines(range(6, 8)))
    told = Telemetry(ManualClock(), log=log)
    told.log.dropped = 2
    log.close()
    assert path.read_text() == lines(range(3)) + lines(range(6, 8))
    assert log.lost == 3
    assert "mercato_log_lines_dropped 5.0" in told.exposition().decode().splitlines()


def test_a_file_that_cannot_be_put_aside_keeps_its_size_and_later_lines_are_counted(log: LogFile, path: Path) -> None:
    (path.with_name("some.log.2") / "something").mkdir(parents=True)
    log.write(lines(range(10)))
    log.write(lines(range(10, 20)))  # the first file is put aside
    log.write(lines(range(20, 22)))  # the second cannot be, where the first should go is a folder
    log.close()
    assert path.read_text() == lines(range(10, 20))
    assert log.lost == 2


@pytest.mark.parametrize(
    "wrong", [{"MERCATO_LOG_MEGABYTES": "0"}, {"MERCATO_LOG_MEGABYTES": "-1"}, {"MERCATO_LOG_FILES": "1"}]
)
def test_a_size_or_number_that_cannot_be_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="it takes 1 or more, and 2 or more"):
        read_settings(wrong)


def test_sizes_and_numbers_are_settings() -> None:
    settings = read_settings({"MERCATO_LOG_MEGABYTES": "7", "MERCATO_LOG_FILES": "2"})
    assert (settings.log_megabytes, settings.log_files) == (7, 2)
