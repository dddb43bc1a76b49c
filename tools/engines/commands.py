"""Runs programs that end, within a time."""

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tools.engines import processes
from tools.engines.reasons import Unavailable

_ERROR = re.compile(r"\berror\b|^E: ", re.IGNORECASE)


class Setting(NamedTuple):
    """How a program is run: as which user ("" for this one), where, with which more variables, with what to read."""

    user: str = ""
    folder: Path | None = None
    variables: dict[str, str] | None = None
    given: str = ""


def run(command: list[str], seconds: float, setting: Setting | None = None) -> str:
    """What the program prints. Unavailable when it cannot be started, fails, or takes longer than that.

    What it prints goes through a file: a pipe would be waited for as long as anything that it has started lives.
    """
    how = setting or Setting()
    with tempfile.TemporaryFile("w+") as given, tempfile.TemporaryFile("w+", errors="replace") as said:
        given.write(how.given)
        given.seek(0)
        try:
            with subprocess.Popen(
                command,
                stdin=given,
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=how.folder or "/",
                env={**os.environ, **(how.variables or {})},
                **processes.as_user(how.user),
            ) as program:
                code = _wait(program, seconds)
        except OSError as error:
            raise Unavailable(f"{command[0]} cannot be started: {error.strerror}") from error
        said.seek(0)
        text = said.read()
    if code is None:
        raise Unavailable(f"{_short(command)} was not ready in {seconds:g} s")
    if code:
        raise Unavailable(f"{_short(command)} ended with code {code}: {first_error(text)}")
    return text


def first_error(text: str) -> str:
    """The first line that speaks of an error, for most of what follows is advice; else the last words."""
    return next((line.strip()[:400] for line in text.splitlines() if _ERROR.search(line)), "") or last_words(text)


def last_words(text: str) -> str:
    """The last lines that say something, as one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-3:])[-400:] or "it said nothing"


def _wait(program: subprocess.Popen[bytes], seconds: float) -> int | None:
    """The exit code, None when the time was over; then the program and all that it has started are gone."""
    try:
        return program.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if program.poll() is None and (known := processes.identify(program.pid)):
            processes.kill(known)


def _short(command: list[str]) -> str:
    return " ".join([Path(command[0]).name, *command[1:3]])
