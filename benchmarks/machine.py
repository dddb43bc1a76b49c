"""The machine that a figure was measured on, and the files that keep figures."""

import os
import platform
import re
import sqlite3
import subprocess
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import msgspec

RESULTS = Path(__file__).parent / "results"
Figure = int | float | str | bool | None


class Machine(msgspec.Struct, frozen=True):
    """What a figure depends on, and nothing that names the machine or its owner. Memory in whole MiB."""

    cpu: str
    cores: int
    memory_mib: int
    kernel: str
    python: str
    sqlite: str


class Result(msgspec.Struct, frozen=True):
    """One run of a benchmark. `commit` is the checkout's, with `+changes` where files differ from it."""

    benchmark: str
    figures: dict[str, Figure]
    machine: Machine
    commit: str


def describe() -> Machine:
    """This machine. What the system does not tell is an empty text."""
    return Machine(
        cpu=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_mib=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        kernel=f"{platform.system()} {_version(platform.release())}",
        python=f"{platform.python_implementation()} {platform.python_version()}{_python_build()}",
        sqlite=sqlite3.sqlite_version,
    )


def result(benchmark: str, figures: Mapping[str, Figure]) -> Result:
    """Figures of a benchmark, with where and of what they were measured. Names of figures end in their unit."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", benchmark):
        raise ValueError(f"A benchmark's name is a file's name too: {benchmark!r}")
    return Result(benchmark=benchmark, figures=dict(figures), machine=describe(), commit=commit())


def write(found: Result, folder: Path = RESULTS) -> Path:
    """Keep a result as NAME.json, in place of the one of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{found.benchmark}.json"
    fresh = path.with_suffix(".fresh")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    fresh.replace(path)
    return path


def commit(checkout: Path = RESULTS.parent) -> str:
    """The commit of the checkout, shortened; "unknown" outside of one."""
    head = _git(checkout, "rev-parse", "--short=12", "--verify", "HEAD")
    if not head:
        return "unknown"
    return f"{head}+changes" if _git(checkout, "status", "--porcelain") else head


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _processor() -> str:
    """The model's name: Linux tells it in a file, and other systems through Python."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _python_build() -> str:
    """A build that was optimised by a profile is about a tenth faster, so figures of two builds do not compare."""
    return ", profile-guided" if "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "") else ""


def _version(release: str) -> str:
    """The numbers of a kernel's release. What a builder adds behind them may name a machine or its owner."""
    found = re.match(r"\d+(\.\d+)*", release)
    return found.group() if found else ""
