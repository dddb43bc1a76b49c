"""Time, randomness and pauses are handed in, so that a simulator can run the real code."""

import ast
from pathlib import Path

from tools.check.findings import Finding
from tools.check.permissions import Permission, Permissions
from tools.check.sources import Source, imports, sources, within

FOLDERS = ("src/mercato/services", "src/mercato/contracts", "src/mercato/runtime", "src/mercato/values")

_CLOCK = "take the time from `tx.now` or the Clock that is handed in"
_CHANCE = "take it from `tx.new_id`, `tx.new_secret` or the Ids that are handed in"
_PAUSE = "let the runtime wait: an intent row with a pause, a job, or the Clock that is handed in"

# What may not be used, and what to do instead. A module stands for everything in it.
BANNED = {
    "time.time": _CLOCK,
    "time.time_ns": _CLOCK,
    "time.monotonic": _CLOCK,
    "time.monotonic_ns": _CLOCK,
    "time.perf_counter": _CLOCK,
    "time.perf_counter_ns": _CLOCK,
    "datetime.datetime.now": _CLOCK,
    "datetime.datetime.utcnow": _CLOCK,
    "datetime.datetime.today": _CLOCK,
    "datetime.date.today": _CLOCK,
    "uuid.uuid1": _CHANCE,
    "uuid.uuid4": _CHANCE,
    "os.urandom": _CHANCE,
    "random": _CHANCE,
    "secrets": _CHANCE,
    "time.sleep": _PAUSE,
    "asyncio.sleep": _PAUSE,
}

PERMITTED = (
    Permission("src/mercato/values/clock.py", ("time.time_ns", "time.perf_counter"), "here the machine's clock enters"),
    Permission("src/mercato/values/ids.py", ("secrets",), "here the system's randomness enters, unless one is given"),
    Permission("src/mercato/runtime/node.py", ("asyncio.sleep",), "a graceful stop waits in the loop's time"),
    Permission("src/mercato/runtime/schedule.py", ("asyncio.sleep",), "jobs wait in the loop's time, simulated or not"),
    Permission(
        "src/mercato/runtime/slow_work/", ("asyncio.sleep",), "workers wait in the loop's time, simulated or not"
    ),
    Permission("src/mercato/services/*/adapters/", ("*",), "outside parties; the simulator hands in simulated ones"),
)


def check(root: Path, permitted: tuple[Permission, ...] = PERMITTED) -> list[Finding]:
    permissions = Permissions(permitted, "tools/check/determinism.py")
    findings = [
        Finding(
            source.path, line, f"`{used}`", "a run that reads it cannot be repeated by the simulator", BANNED[banned]
        )
        for source in sources(root, *FOLDERS)
        for (line, banned), used in sorted(_uses(source).items())
        if not permissions.admit(source.path, banned)
    ]
    return findings + permissions.unneeded()


def _uses(source: Source) -> dict[tuple[int, str], str]:
    """For each line and row of BANNED the name that is used there, written out."""
    origins = {found.local: found.origin for found in imports(source.tree) if not found.level}
    uses: dict[tuple[int, str], str] = {}
    for node in ast.walk(source.tree):
        first, dot, rest = _dotted(node).partition(".")
        if first in origins and isinstance(node, ast.expr):
            used = origins[first] + dot + rest
            if banned := within(used, tuple(BANNED)):
                place = (node.lineno, banned)
                uses[place] = max(uses.get(place, ""), used, key=len)
    return uses


def _dotted(node: ast.AST) -> str:
    """`a.b.c` for such an expression, "" for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
