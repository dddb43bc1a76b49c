"""The command line: who asks for one command does not wait for the others to load."""

import subprocess
import sys

import pytest

from mercato.apps.command_line import COMMANDS, main
from mercato.apps.commands.task_list import TASKS

BEFORE_THE_PORT = ("mercato.apps.shop", "mercato.services", "sqlalchemy", "uvicorn")
UNWANTED = ("mercato.apps.simulate", "mercato.apps.verify", "mercato.apps.importing", "mercato.apps.commands.simulate")
LOADED = """
import sys
from mercato.apps.command_line import main
try:
    main(["run", "--help"])
finally:
    {more}
    print(*sys.modules)
"""


def loaded_by_run(more: str = "pass") -> list[str]:
    """The modules that are there when `mercato run` begins, and those that it needs `more`."""
    program = [sys.executable, "-c", LOADED.format(more=more)]
    done = subprocess.run(program, capture_output=True, text=True, check=True)  # noqa: S603 - our own program
    return done.stdout.splitlines()[-1].split()


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
    loaded = loaded_by_run("import mercato.apps.commands.opening")
    assert "mercato.apps.shop" in loaded
    assert [name for name in loaded if name.startswith(UNWANTED)] == []


def test_nothing_large_is_loaded_before_the_port_is_open() -> None:
    loaded = loaded_by_run()
    assert "mercato.apps.listening" in loaded
    assert [name for name in loaded if name.startswith(BEFORE_THE_PORT)] == []


def test_what_a_shop_does_for_commands_are_commands() -> None:
    assert set(TASKS) <= set(COMMANDS)
