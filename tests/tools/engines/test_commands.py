"""Programs that end, or are made to."""

import os
from pathlib import Path

import pytest

from tools.engines import processes
from tools.engines.commands import Setting, first_error, last_words, run
from tools.engines.reasons import Unavailable


def test_what_it_prints_comes_back(tmp_path: Path) -> None:
    setting = Setting(folder=tmp_path, variables={"GREETING": "hello"}, given="world")
    assert run(["sh", "-c", 'echo "$GREETING $(cat) from $PWD"'], 20, setting) == f"hello world from {tmp_path}\n"


def test_a_failure_is_told_with_its_last_words() -> None:
    with pytest.raises(Unavailable, match=r"^sh -c echo .* ended with code 3: two / three / four$"):
        run(["sh", "-c", "echo one; echo two; echo; echo three >&2; echo ' four'; exit 3"], 20)


def test_one_that_takes_too_long_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    script = f"sleep 600 & echo $! > {tmp_path}/child; wait"
    with pytest.raises(Unavailable, match=r"^sh -c .* was not ready in 1 s$"):
        run(["sh", "-c", script], 1)
    child = processes.identify(int((tmp_path / "child").read_text()))
    assert child is None or not processes.lives(child)


def test_what_goes_on_in_the_background_is_not_waited_for(tmp_path: Path) -> None:
    assert run(["sh", "-c", f"sleep 600 & echo $! > {tmp_path}/child; echo done"], 20) == "done\n"
    os.kill(int((tmp_path / "child").read_text()), 9)


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"nothing cannot be started: No such file or directory$"):
        run([str(tmp_path / "nothing")], 20)


@pytest.mark.parametrize("line", ["[ERROR] no network", "E: no network", "psql: error: no network"])
def test_an_error_is_told_before_the_advice_that_follows(line: str) -> None:
    assert first_error(f"begin without NewConnectionError\n{line}\nan error: see there\nthe end") == line
    assert first_error("begin\nend") == "begin / end"


@pytest.mark.parametrize(("text", "words"), [("", "it said nothing"), ("\n a \n\n", "a"), ("x" * 900, "x" * 400)])
def test_last_words_are_one_short_line(text: str, words: str) -> None:
    assert last_words(text) == words
