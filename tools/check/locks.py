"""The lock files pin what pyproject.toml asks for, by hash, in the same versions, and name no address."""

import re
import tomllib
from pathlib import Path

from tools.check.findings import Finding

RUN = "requirements.lock"
SERVERS = "requirements-servers.lock"
DEV = "requirements-dev.lock"

_RENEW = "renew the locks as CONTRIBUTING.md says"
_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>\S+)[^\\]*(?P<more>\\?)")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def check(root: Path) -> list[Finding]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {
        RUN: project["project"]["dependencies"],
        SERVERS: project["project"]["optional-dependencies"]["servers"],
        DEV: project["dependency-groups"]["dev"],
    }
    findings: list[Finding] = []
    asked: list[str] = []
    before: dict[str, str] = {}
    earlier = ""
    for lock, more in wanted.items():
        asked += more
        pins, wrong = _read(root, lock)
        findings += wrong + _missing(lock, pins, asked) + _others(lock, pins, earlier, before)
        earlier, before = lock, pins
    return findings


def _others(lock: str, pins: dict[str, str], earlier: str, before: dict[str, str]) -> list[Finding]:
    """What an earlier lock has in another version."""
    why = "tests would try what nobody runs"
    return [
        Finding(lock, 0, f"{name} is not {version} as in {earlier}", why, _RENEW)
        for name, version in before.items()
        if pins.get(name) != version
    ]


def _read(root: Path, name: str) -> tuple[dict[str, str], list[Finding]]:
    """The pinned versions by package, and what is wrong with single lines."""
    pins, findings = {}, []
    for number, line in enumerate((root / name).read_text(encoding="utf-8").splitlines(), start=1):
        pin = _PIN.fullmatch(line)
        if pin:
            pins[_plain(pin["name"])] = pin["version"]
        if not (_HASH.fullmatch(line) or (pin and pin["more"])):
            why = "only packages pinned by hash are the same for everybody"
            findings.append(Finding(name, number, f"`{line}` is no version with hashes", why, _RENEW))
    return pins, findings


def _missing(lock: str, pins: dict[str, str], wanted: list[str]) -> list[Finding]:
    names = (_plain(re.split(r"[^\w.-]", requirement)[0]) for requirement in wanted)
    why = "pyproject.toml asks for it"
    return [Finding(lock, 0, f"{name} is not pinned", why, _RENEW) for name in names if name not in pins]


def _plain(name: str) -> str:
    """A package's name in the one spelling that all its spellings share."""
    return re.sub(r"[-_.]+", "-", name).lower()
