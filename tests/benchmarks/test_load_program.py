"""How the load client is compiled and kept."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from benchmarks.load import program
from benchmarks.load.program import FLAGS, LoadError, build


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "cache" / "mercato"


def test_the_program_is_compiled_once_for_each_source_and_flags(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = build()
    assert first.parent == cache
    made = first.stat().st_mtime_ns
    assert build() == first
    assert first.stat().st_mtime_ns == made
    assert build((*FLAGS, "-g")) != first
    assert len(list(cache.iterdir())) == 2

    changed = shutil.copytree(program.SOURCES, cache.parent / "sources")
    with (changed / "main.c").open("a") as source:
        source.write("\n")
    monkeypatch.setattr(program, "SOURCES", changed)
    assert build() != first


def test_warnings_are_errors_in_the_test() -> None:
    build((*FLAGS, "-Wall", "-Wextra", "-Wshadow", "-Wconversion", "-Werror"))


def test_the_program_explains_how_it_is_used(tmp_path: Path) -> None:
    told = subprocess.run([build()], capture_output=True, text=True, check=False)  # noqa: S603  the program built here
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "Usage: load JOB, where JOB is a file of settings.\n"
    (tmp_path / "job").write_text("mode repeat\naddress 127.0.0.1\nport x\n")
    told = subprocess.run([build(), tmp_path / "job"], capture_output=True, text=True, check=False)  # noqa: S603  as above
    assert told.stderr == "The job's port is not a number: x\n"


@pytest.mark.usefixtures("cache")
def test_a_missing_compiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "COMPILERS", ("no-such-compiler",))
    with pytest.raises(LoadError, match=r"there is no C compiler here: install gcc or clang\.$"):
        build()


def test_a_source_that_does_not_compile_is_told(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir(mode=0o700, parents=True)
    broken = cache.parent / "sources"
    broken.mkdir()
    (broken / "main.c").write_text("int main(void) { return nothing; }\n")
    monkeypatch.setattr(program, "SOURCES", broken)
    with pytest.raises(LoadError, match=r"could not build the load client:\n.*main\.c"):
        build()
    assert list(cache.iterdir()) == []


def test_a_folder_that_others_may_write_to_is_not_used(cache: Path, tmp_path: Path) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    assert build().parent == tmp_path / f"mercato-{os.getuid()}"
    (tmp_path / f"mercato-{os.getuid()}").chmod(0o777)
    with pytest.raises(LoadError, match="There is no folder for the compiled load client"):
        build()
