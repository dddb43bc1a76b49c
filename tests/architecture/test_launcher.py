"""The launcher, started as its users start it, in a small project with locks and a uv of its own.

That uv only writes down that it was called, so that no test needs a network.
"""

import importlib.machinery
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture.conftest import PROJECT

BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)

UV = f"""#!{BASE_PYTHON}
import pathlib, sys, time
journal = pathlib.Path(__file__).parent / "journal"
with journal.open("a") as file:
    file.write("begin " + pathlib.Path(sys.argv[-1]).name + "\\n")
time.sleep(float((pathlib.Path(__file__).parent / "seconds").read_text()))
with journal.open("a") as file:
    file.write("end\\n")
sys.exit(int((pathlib.Path(__file__).parent / "code").read_text()))
"""

APPLICATION = "import os, sys\nprint(os.getcwd(), sys.argv[1:])\n"


class Checkout:
    """A project with a launcher, and the folder that is all of its PATH."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shop"
        self.bin = folder / "bin"
        self.venv = self.root / ".venv"
        (self.root / "src/mercato").mkdir(parents=True)
        self.bin.mkdir()
        (folder / "home").mkdir()
        shutil.copy(PROJECT / "mercato", self.root)
        (self.root / "src/mercato/__main__.py").write_text(APPLICATION)
        self.lock("first")
        (self.bin / "python3").symlink_to(BASE_PYTHON)
        (self.bin / "uv").write_text(UV)
        (self.bin / "uv").chmod(0o755)
        self.let_uv()
        self.env = {"PATH": str(self.bin), "HOME": str(folder / "home"), "PIP_NO_INDEX": "1"}

    def lock(self, text: str) -> None:
        (self.root / "requirements.lock").write_text(f"# {text}\n")
        (self.root / "requirements-servers.lock").write_text(f"# {text}, and servers\n")
        (self.root / "requirements-dev.lock").write_text(f"# {text}, and tools\n")

    def let_uv(self, seconds: float = 0, code: int = 0) -> None:
        (self.bin / "seconds").write_text(str(seconds))
        (self.bin / "code").write_text(str(code))

    def start(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        command = [str(self.root / "mercato"), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=cwd or self.root, env=self.env, stdout=pipe, stderr=pipe, text=True)

    def call(self, *arguments: str, cwd: Path | None = None) -> tuple[int, str, str]:
        """Exit code, what was said to the program's output, and what to the terminal."""
        with self.start(*arguments, cwd=cwd) as process:
            out, err = process.communicate()
        return process.returncode, out, err

    def journal(self) -> list[str]:
        path = self.bin / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, entries: int) -> None:
        while len(self.journal()) < entries:
            time.sleep(0.01)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_first_call_sets_up_and_becomes_the_application(checkout: Checkout, tmp_path: Path) -> None:
    code, out, err = checkout.call("run", "--port", "8000", cwd=tmp_path)
    assert (code, out) == (0, f"{tmp_path} ['run', '--port', '8000']\n")
    assert "mercato: making .venv with Python 3." in err
    assert "mercato: installing 0 packages of requirements.lock with uv" in err
    assert checkout.journal() == ["begin requirements.lock", "end"]


def test_the_second_call_does_nothing_of_the_kind(checkout: Checkout) -> None:
    checkout.call("setup")
    code, out, err = checkout.call("run")
    assert (code, out, err) == (0, f"{checkout.root} ['run']\n", "")
    assert checkout.journal() == ["begin requirements.lock", "end"]


def test_who_names_a_server_gets_its_driver(checkout: Checkout) -> None:
    checkout.call("setup")
    checkout.env["MERCATO_ORDERS_DATABASE"] = "postgresql://..."
    assert checkout.call("run")[0] == 0
    assert checkout.journal()[2:] == ["begin requirements-servers.lock", "end"]
    del checkout.env["MERCATO_ORDERS_DATABASE"]
    assert checkout.call("run")[2] == ""


def test_a_moved_checkout_goes_on_working(checkout: Checkout, tmp_path: Path) -> None:
    checkout.call("setup")
    checkout.root = checkout.root.rename(tmp_path / "moved")
    assert checkout.call("run") == (0, f"{checkout.root} ['run']\n", "")


def test_a_changed_lock_is_installed(checkout: Checkout) -> None:
    checkout.call("setup")
    (checkout.venv / "kept").touch()
    checkout.lock("second")
    assert checkout.call("run")[0] == 0
    assert checkout.journal() == ["begin requirements.lock", "end"] * 2
    assert (checkout.venv / "kept").exists()


def test_set_up_compiles_the_sources_where_python_itself_may_not(checkout: Checkout) -> None:
    checkout.env["PYTHONDONTWRITEBYTECODE"] = "1"
    source = checkout.root / "src/mercato/__main__.py"
    compiled = Path(importlib.util.cache_from_source(str(source)))
    checkout.call("run")
    first = compiled.read_bytes()
    source.write_text(APPLICATION + "print('newer')\n")
    assert checkout.call("run")[1] == f"{checkout.root} ['run']\nnewer\n"
    assert compiled.read_bytes() == first
    checkout.call("setup")
    assert compiled.read_bytes() != first


def test_sources_that_cannot_be_compiled_stop_no_set_up(checkout: Checkout) -> None:
    (checkout.root / "src/mercato/planted.py").write_text("this is no Python\n")
    assert checkout.call("run")[:2] == (0, f"{checkout.root} ['run']\n")


def test_tests_and_checks_need_the_tools_of_developers(checkout: Checkout) -> None:
    code, _, err = checkout.call("check")
    assert (code, "No module named 'tools'" in err) == (1, True)
    assert checkout.call("run")[0] == 0
    assert checkout.journal() == ["begin requirements-dev.lock", "end"]
    checkout.lock("second")
    assert checkout.call("run")[0] == 0
    assert checkout.journal() == ["begin requirements-dev.lock", "end"] * 2


@pytest.fixture
def tested(checkout: Checkout) -> Checkout:
    """A checkout whose tools and pytest only tell how they were called."""
    (checkout.root / "tools/engines").mkdir(parents=True)
    (checkout.root / "tools/engines/__main__.py").write_text(
        "import sys\nprint('engines', *sys.argv[1:], flush=True)\nsys.exit(2 if 'nothing' in sys.argv else 0)\n"
    )
    (checkout.root / "pytest.py").write_text("import sys\nprint('pytest', *map(repr, sys.argv[1:]))\n")
    (checkout.root / "tests").mkdir()
    checkout.call("setup", "--dev")
    return checkout


def test_without_engines_only_tests_that_need_none_run(tested: Checkout) -> None:
    assert tested.call("test", "-x")[1] == "pytest '-m' 'not server' '-x'\n"


@pytest.mark.parametrize(
    ("given", "started", "passed_on"),
    [
        (["--engines"], "", "'--engines='"),
        (["--engines", "kafka,redis", "-x"], " kafka redis", "'--engines=kafka,redis' '-x'"),
        (["--engines=kafka", "redis"], " kafka", "'--engines=kafka' 'redis'"),
        (["--engines", "tests"], "", "'--engines=' 'tests'"),  # a folder, not a name
        (["--engines", "-k", "kafka"], "", "'--engines=' '-k' 'kafka'"),
    ],
)
def test_engines_are_started_before_the_tests_that_need_them(
    tested: Checkout, given: list[str], started: str, passed_on: str
) -> None:
    code, out, err = tested.call("test", *given)
    assert (code, err) == (0, "")
    assert out == f"engines up --tolerant{started}\npytest '-m' 'server' {passed_on}\n"


def test_an_engine_that_nobody_knows_ends_the_run_before_the_tests(tested: Checkout) -> None:
    assert tested.call("test", "--engines", "nothing") == (2, "engines up --tolerant nothing\n", "")


def test_what_an_interrupted_set_up_left_behind_is_made_anew(checkout: Checkout) -> None:
    checkout.let_uv(code=1)
    code, _, err = checkout.call("run")
    assert code == 1
    assert "mercato: the packages could not be installed (see above)" in err
    (checkout.venv / "half a package").touch()
    checkout.let_uv(code=0)
    code, _, err = checkout.call("run")
    assert code == 0
    assert "mercato: an earlier set-up was interrupted: starting afresh" in err
    assert not (checkout.venv / "half a package").exists()


def test_an_environment_made_by_hand_is_taken_over(checkout: Checkout) -> None:
    subprocess.run([BASE_PYTHON, "-m", "venv", "--without-pip", checkout.venv], check=True)
    (checkout.venv / "kept").touch()
    assert checkout.call("run")[1] == f"{checkout.root} ['run']\n"
    assert (checkout.venv / "kept").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(checkout: Checkout) -> None:
    checkout.call("setup")
    (checkout.venv / "bin/python").unlink()
    (checkout.venv / "bin/python").symlink_to(checkout.bin / "python3.0")
    code, _, err = checkout.call("run")
    assert code == 0
    assert "mercato: the Python of .venv is gone or too old: making .venv anew" in err


def test_a_folder_of_somebody_else_is_left_alone(checkout: Checkout) -> None:
    checkout.venv.mkdir()
    (checkout.venv / "diary").write_text("mine")
    code, _, err = checkout.call("run")
    assert code == 1
    assert err == f"mercato: {checkout.venv} is not a virtual environment: move it away, then try again\n"
    assert [path.name for path in checkout.venv.iterdir()] == ["diary"]


def test_two_at_once_set_up_once(checkout: Checkout) -> None:
    checkout.let_uv(seconds=0.5)
    with checkout.start("run") as one, checkout.start("run") as other:
        said = one.communicate()[1] + other.communicate()[1]
    assert (one.returncode, other.returncode) == (0, 0)
    assert "mercato: another ./mercato is setting up .venv: waiting for it" in said
    assert checkout.journal() == ["begin requirements.lock", "end"]


def test_the_installer_of_a_killed_launcher_keeps_the_next_one_away(checkout: Checkout) -> None:
    checkout.let_uv(seconds=0.5)
    with checkout.start("run") as killed:
        checkout.wait_for(entries=1)
        killed.send_signal(signal.SIGKILL)
        code, _, err = checkout.call("run")
    assert code == 0
    assert "waiting for it" in err
    assert "an earlier set-up was interrupted" in err
    assert checkout.journal() == ["begin requirements.lock", "end"] * 2


def test_pip_is_used_where_there_is_no_uv(checkout: Checkout) -> None:
    (checkout.bin / "uv").unlink()
    code, out, err = checkout.call("run")
    assert (code, out) == (0, f"{checkout.root} ['run']\n")
    assert "mercato: installing 0 packages of requirements.lock with pip" in err
    assert checkout.call("run")[2] == ""


def test_what_pip_says_is_shown_when_it_fails(checkout: Checkout) -> None:
    (checkout.bin / "uv").unlink()
    (checkout.root / "requirements.lock").write_text("no-such-package==1.0\n")
    code, _, err = checkout.call("run")
    assert code == 1
    assert "ERROR: Could not find a version that satisfies the requirement no-such-package==1.0" in err


def test_setup_refuses_what_it_does_not_know(checkout: Checkout) -> None:
    assert checkout.call("setup", "--fast")[0] == 1
    assert not checkout.venv.exists()


@pytest.fixture
def launcher(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The launcher as a module, on a Python that is too old, with nothing on PATH."""
    loader = importlib.machinery.SourceFileLoader("launcher", str(checkout.root / "mercato"))
    spec = importlib.util.spec_from_loader("launcher", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    monkeypatch.setattr(sys, "argv", ["mercato", "run"])
    monkeypatch.setenv("PATH", str(checkout.bin))
    return module


def test_an_old_python_says_what_is_missing(launcher: ModuleType) -> None:
    with pytest.raises(launcher.Stop, match=r"needs Python 3\.11 or newer; this is 3\.9\.18, and PATH has none"):
        launcher.go_on_with_new_python()


def test_an_old_python_hands_over_to_a_new_one_that_runs(
    launcher: ModuleType, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    monkeypatch.setattr(os, "execv", lambda *given: started.extend(given))
    (checkout.bin / "python3.13").write_text("#!/bin/sh\nexit 127\n")
    (checkout.bin / "python3.13").chmod(0o755)
    (checkout.bin / "python3.11").symlink_to(BASE_PYTHON)
    with pytest.raises(launcher.Stop):  # the replaced execv returns
        launcher.go_on_with_new_python()
    assert started == [str(checkout.bin / "python3.11"), [str(checkout.bin / "python3.11"), "mercato", "run"]]


@pytest.mark.parametrize(
    ("microseconds", "chosen"), [(500.0, "other"), (950.0, "own"), (2_000.0, "own"), (float("inf"), "own")]
)
def test_a_python_that_is_clearly_faster_is_preferred(
    launcher: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, microseconds: float, chosen: str
) -> None:
    other = tmp_path / "python3.12"
    other.write_text("another build")
    other.chmod(0o755)
    pythons = {"own": BASE_PYTHON, "other": str(other)}
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(launcher, "pace", lambda path: (path, microseconds if path == str(other) else 1_000.0))
    assert launcher.choose_python() == pythons[chosen]


def test_the_pace_of_a_python_is_measured(launcher: ModuleType, checkout: Checkout) -> None:
    """A Python of a version manager tells where it really is; what does not run is never the fastest."""
    script = checkout.bin / "python3.12"
    script.write_text(f'#!/bin/sh\nexec "{BASE_PYTHON}" "$@"\n')
    script.chmod(0o755)
    path, microseconds = launcher.pace(str(script))
    assert path == BASE_PYTHON
    assert 0 < microseconds < float("inf")
    script.write_text("#!/bin/sh\nexit 127\n")
    assert launcher.pace(str(script)) == (str(script), float("inf"))
