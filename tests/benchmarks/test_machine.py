"""Results tell what was measured where, and nothing that names the machine or its owner."""

import getpass
import json
import socket
import subprocess
from pathlib import Path

import pytest

from benchmarks import machine


def git(checkout: Path, *arguments: str) -> None:
    name = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *name, *arguments], cwd=checkout, check=True, capture_output=True)  # noqa: S603, S607  fixed words


def test_the_machine_is_described_without_names() -> None:
    found = machine.describe()
    assert found.cores >= 1
    assert found.memory_mib > 100
    assert found.kernel.split()[0] in ("Linux", "Darwin")
    assert found.python.startswith("CPython 3.")
    assert found.sqlite.startswith("3.")
    told = repr(found)
    assert socket.gethostname() not in told
    assert getpass.getuser() not in told
    assert "/" not in told


def test_a_result_is_written_whole_and_replaces_the_last(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    machine.write(machine.result("buy", {"journeys_per_second": 1.0}), folder)
    path = machine.write(machine.result("buy", {"journeys_per_second": 2012.5, "p99_ms": 150}), folder)
    assert [entry.name for entry in folder.iterdir()] == ["buy.json"]
    found = json.loads(path.read_text())
    assert list(found) == ["benchmark", "figures", "machine", "commit"]
    assert found["benchmark"] == "buy"
    assert found["figures"] == {"journeys_per_second": 2012.5, "p99_ms": 150}
    assert list(found["machine"]) == ["cpu", "cores", "memory_mib", "kernel", "python", "sqlite"]


@pytest.mark.parametrize("name", ["", "Buy", "../buy", "buy now", "1buy"])
def test_a_name_that_is_no_file_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="A benchmark's name is a file's name too"):
        machine.result(name, {})


def test_the_commit_tells_of_changes(tmp_path: Path) -> None:
    assert machine.commit(tmp_path) == "unknown"
    git(tmp_path, "init")
    assert machine.commit(tmp_path) == "unknown"
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    clean = machine.commit(tmp_path)
    assert len(clean) == 12
    (tmp_path / "file").write_text("new")
    assert machine.commit(tmp_path) == f"{clean}+changes"
