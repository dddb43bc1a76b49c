"""The command line: who asks for one command does not wait for the others to load."""

import subprocess
import sys

import pytest

from mercato.apps.command_line import COMMANDS, main
from mercato.apps.commands.task_list import TASKS

UNWANTED = ("mercato.apps.simulate", "mercato.apps.verify", "mercato.apps.importing", "mercato.apps.commands.simulate")
LOADED = """
import sys
from mercato.apps.command_line import main
try:
    main(["run", "--help"])
finally:
    print(*(name for name in sys.modules if name.startswith("mercato.")))
"""


def test_every_command_tells_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in COMMANDS.items():
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        told = capsys.readouterr().out
        assert ended.value.code == 0
        assert told.startswith(f"usage: mercato {name} ")
        assert text[1:] in " ".join(told.split())


def test_help_tells_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert [name for name in (*COMMANDS, "bench") if f"\n    {name} " not in told] == []


def test_a_word_that_is_no_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sell"])
    assert ended.value.code == 2
    assert "invalid choice: 'sell'" in capsys.readouterr().err


def test_a_shop_opens_without_the_modules_of_other_commands() -> None:
    program = [sys.executable, "-c", LOADED]
    done = subprocess.run(program, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    loaded = done.stdout.splitlines()[-1].split()
    assert "mercato.apps.shop" in loaded
    assert [name for name in loaded if name.startswith(UNWANTED)] == []


def test_what_a_shop_does_for_commands_are_commands() -> None:
    assert set(TASKS) <= set(COMMANDS)
