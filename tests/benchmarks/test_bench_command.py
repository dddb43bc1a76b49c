"""The command around the benchmarks: the list, exit codes, kept results, and an interruption."""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from benchmarks import __main__ as command
from benchmarks import machine
from benchmarks.outcome import BenchmarkError, Outcome

CHECKOUT = Path(__file__).parents[2]


def planted(monkeypatch: pytest.MonkeyPatch, run: Callable[[argparse.Namespace], Outcome]) -> None:
    made = command.Benchmark("planted", "made for a test", lambda _parser: None, run)
    monkeypatch.setattr(command, "BENCHMARKS", (made,))


def test_help_has_a_line_for_each_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        command.main(["--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    for name in ("buy", "mixed", "product", "cart", "import", "growth", "start", "flash", "overload", "crash"):
        assert f"\n    {name} " in told


def test_faults_make_exit_code_1_and_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    planted(monkeypatch, lambda _options: Outcome({"failures": 1}, ("one order was lost",)))
    assert command.main(["planted", "--json"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert "FAULT: one order was lost" in told
    assert msgspec.json.decode(told[-1])["figures"] == {"failures": 1}


def test_what_cannot_be_run_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_options: argparse.Namespace) -> Outcome:
        raise BenchmarkError("the server did not start")

    planted(monkeypatch, broken)
    assert command.main(["planted"]) == 1
    assert capsys.readouterr().err == "mercato bench planted: the server did not start\n"


def test_a_result_is_kept_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    planted(monkeypatch, lambda _options: Outcome({"p99_ms": 1.5}))
    monkeypatch.setattr(machine.write, "__defaults__", (tmp_path,))
    assert command.main(["planted"]) == 0
    assert list(tmp_path.iterdir()) == []
    assert command.main(["planted", "--keep"]) == 0
    assert msgspec.json.decode((tmp_path / "planted.json").read_bytes())["figures"] == {"p99_ms": 1.5}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_everything_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["import", "--products", "2000", "--folder", str(tmp_path)]
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": f"{CHECKOUT / 'src'}{os.pathsep}{CHECKOUT}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "importing" in line:
            break
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "mercato bench import: stopped, with all that it had started\n"
    assert list(tmp_path.iterdir()) == []
    for folder in Path("/proc").glob("[0-9]*"):
        assert str(tmp_path).encode() not in _words_of(folder)


def _words_of(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
