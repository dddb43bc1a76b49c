"""What is missing is fetched by the usual clients, here by some that only write down what they are asked."""

import os
from pathlib import Path

import pytest

from tools.engines import installing
from tools.engines.reasons import Unavailable
from tools.engines.room import Room


class Machine:
    """A machine whose programs all are in one folder; each that is added there tells how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "programs"
        self.folder.mkdir()
        self.policy = folder / "policy-rc.d"

    def add(self, name: str, then: str = "") -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho {name} "$@" >> "{self.folder}/calls"\n{then}\n')
        path.chmod(0o755)

    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setattr(installing, "_MORE_FOLDERS", ())
    monkeypatch.setattr(installing, "_PAUSE", 0)
    monkeypatch.setattr(installing, "_POLICY", machine.policy)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", f"{machine.folder}")
    installing._update_lists.cache_clear()
    return machine


@pytest.fixture
def room(tmp_path: Path) -> Room:
    room = Room("engine", tmp_path / "engine")
    room.make()
    return room


def test_what_is_there_is_taken(machine: Machine) -> None:
    machine.add("sql-server")
    assert installing.provide("sql-server", "some-package") == str(machine.folder / "sql-server")
    assert machine.calls() == []


def test_what_is_missing_comes_from_its_package_and_no_service_is_started(machine: Machine) -> None:
    made = f'/bin/cat {machine.policy} > {machine.folder}/policy; /bin/cp "$0" {machine.folder}/sql-server'
    machine.add("apt-get", made)
    assert installing.provide("sql-server", "some-package") == str(machine.folder / "sql-server")
    assert [call.split()[1] for call in machine.calls()] == ["update", "install"]
    assert machine.calls()[1].endswith(" some-package")
    assert (machine.folder / "policy").read_text() == "#!/bin/sh\nexit 101\n"
    assert not machine.policy.exists()


def test_a_policy_of_the_machine_is_left_alone(machine: Machine) -> None:
    machine.policy.write_text("mine")
    machine.add("apt-get")
    with pytest.raises(Unavailable, match=r"^some-package did not bring sql-server$"):
        installing.provide("sql-server", "some-package")
    assert machine.policy.read_text() == "mine"


def test_a_package_that_cannot_be_fetched_is_told(machine: Machine) -> None:
    machine.add("apt-get", '[ "$1" = update ] || { echo "E: Unable to locate package"; exit 100; }')
    with pytest.raises(Unavailable, match=r"^apt-get install --yes ended with code 100: E: Unable to locate package$"):
        installing.install_packages("some-package")
    assert not machine.policy.exists()


def test_only_root_may_install_packages(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.add("apt-get")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Unavailable, match=r"^a b is not installed, which only root may do: apt-get install a b$"):
        installing.install_packages("a", "b")
    assert machine.calls() == []


def test_a_system_without_apt_is_told_so(machine: Machine) -> None:
    with pytest.raises(Unavailable, match="this system has no apt-get"):
        installing.install_packages("some-package")


def test_jars_are_fetched_once_for_each_set_of_versions(machine: Machine, room: Room) -> None:
    machine.add("java")
    machine.add("mvn")
    for versions in (("g:a:1", "g:b:2"), ("g:a:1", "g:b:2"), ("g:a:1", "g:b:3")):
        assert installing.install_jars(room, *versions) == room.folder / "lib"
    assert [call.split()[0] for call in machine.calls()] == ["mvn", "mvn"]
    project = (room.folder / "pom.xml").read_text()
    assert "<groupId>g</groupId><artifactId>b</artifactId><version>3</version>" in project


def test_jars_that_could_not_be_fetched_are_asked_for_again(machine: Machine, room: Room) -> None:
    machine.add("java")
    machine.add("mvn", f"[ -e {machine.folder}/network ]")
    with pytest.raises(Unavailable, match=r"^mvn --quiet --batch-mode ended with code 1: it said nothing$"):
        installing.install_jars(room, "g:a:1")
    (machine.folder / "network").touch()
    installing.install_jars(room, "g:a:1")
    assert len(machine.calls()) == 3


def test_a_network_that_fails_in_passing_is_asked_twice(machine: Machine, room: Room) -> None:
    machine.add("go", f"[ -e {machine.folder}/tried ] || {{ : > {machine.folder}/tried; exit 1; }}")
    installing.install_go(room, "host/thing", "v1")
    assert len(machine.calls()) == 2


def test_without_go_nothing_is_built(machine: Machine, room: Room) -> None:
    with pytest.raises(Unavailable, match=r"^thing is built with Go, which is not installed$"):
        installing.install_go(room, "host/thing", "v1")
    machine.add("go", '/bin/mkdir -p "$GOBIN"; : > "$GOBIN/thing"')
    for _ in range(2):
        assert installing.install_go(room, "host/thing", "v1") == str(room.folder / "bin/v1/thing")
    assert machine.calls() == ["go install -ldflags=-s -w host/thing@v1"]


def test_programs_of_python_packages_have_an_environment_of_their_own(machine: Machine, room: Room) -> None:
    machine.add("uv")
    assert installing.install_python(room, "package", "1.2", "program") == str(room.folder / "1.2/bin/program")
    assert machine.calls()[0] == f"uv venv --quiet {room.folder}/1.2"
    assert machine.calls()[1].endswith(f"--python {room.folder}/1.2/bin/python package==1.2")
