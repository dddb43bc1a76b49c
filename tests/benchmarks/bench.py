"""Runs a benchmark in small, as the command line does, and reads the line of JSON at its end."""

import shutil
from typing import Any

import msgspec
import pytest

from benchmarks.__main__ import main
from benchmarks.load.program import COMPILERS
from benchmarks.peers.nginx import find

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, COMPILERS)), reason="the load client is written in C, and there is no C compiler here"
)
needs_nginx = pytest.mark.skipif(find() is None, reason="nginx is not installed here")

MACHINE = ["cpu", "cores", "memory_mib", "kernel", "python", "sqlite"]


def bench(capfd: pytest.CaptureFixture[str], name: str, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the figures and all that was printed."""
    code = main([name, *arguments, "--json"])
    told = capfd.readouterr().out
    result = msgspec.json.decode(told.splitlines()[-1])
    assert list(result) == ["benchmark", "figures", "machine", "commit"]
    assert result["benchmark"] == name
    assert list(result["machine"]) == MACHINE
    return code, result["figures"], told
