import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import processes

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_an_interruption_while_a_process_starts_ends_it_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    try:
        with (tmp_path / "out").open("wb") as out, pytest.raises(KeyboardInterrupt):
            processes.start(SLEEPER, tmp_path, out)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert [process.returncode for process in started] == [-signal.SIGTERM]


def test_an_interruption_after_the_start_is_the_callers(tmp_path: Path) -> None:
    handled: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: handled.append(number))
    try:
        with (tmp_path / "out").open("wb") as out:
            process = processes.start(SLEEPER, tmp_path, out)
        signal.raise_signal(signal.SIGTERM)
        assert handled == [signal.SIGTERM]
        assert process.poll() is None
    finally:
        signal.signal(signal.SIGTERM, before)
        processes.end(process)
