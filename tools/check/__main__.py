"""`python -m tools.check [NAME ...]`, started in the root of the project: exit code 1 when anything was found."""

import sys
import time
import traceback
from pathlib import Path

from tools.check import (
    addresses,
    determinism,
    edge,
    formatting,
    function_imports,
    imports,
    linting,
    locks,
    outside_io,
    schemas,
    service_files,
    sizes,
    sql_home,
    statements,
    static_types,
    values_imports,
)
from tools.check.findings import Check, Finding

CHECKS: dict[str, Check] = {
    "formatting": formatting.check,
    "linting": linting.check,
    "static_types": static_types.check,
    "imports": imports.check,
    "values_imports": values_imports.check,
    "function_imports": function_imports.check,
    "service_files": service_files.check,
    "sql_home": sql_home.check,
    "outside_io": outside_io.check,
    "determinism": determinism.check,
    "statements": statements.check,
    "schemas": schemas.check,
    "edge": edge.check,
    "sizes": sizes.check,
    "addresses": addresses.check,
    "locks": locks.check,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no check is called {' or '.join(unknown)}; there are {', '.join(CHECKS)}")
        return 2
    chosen = {name: CHECKS[name] for name in names or CHECKS}
    counts = {name: _report(name, check, Path.cwd()) for name, check in chosen.items()}
    failed = [f"{name} {count}" for name, count in counts.items() if count]
    print(
        f"\n{len(chosen) - len(failed)} checks passed, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}"
    )
    return 1 if failed else 0


def _report(name: str, check: Check, root: Path) -> int:
    """Run one check, print what it found and the time it took. Returns how much it found."""
    started = time.perf_counter()
    findings = _run(check, root)
    verdict = f"{len(findings)} found" if findings else "passed"
    print(f"{name:<18}{verdict:<12}{time.perf_counter() - started:5.1f} s", flush=True)
    for finding in findings:
        print(f"  {finding}")
    return len(findings)


def _run(check: Check, root: Path) -> list[Finding]:
    try:
        return check(root)
    except Exception:  # a check that breaks must fail, and must not keep the others from running
        why = "a check that could not run has found nothing out"
        return [Finding(check.__module__, 0, traceback.format_exc(limit=-3), why, "mend the check")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
