"""The committed configurations of proxies are those that the code makes of the routes."""

from pathlib import Path

from tools.check.findings import Finding
from tools.edge.generated import generated

RENEW = "run `python -m tools.edge` and look at what has changed: a route may be open at the edge that was not"


def check(root: Path) -> list[Finding]:
    folder = root / "deploy" / "edge"
    wanted = generated()
    committed = {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return [
        Finding(f"deploy/edge/{name}", 0, "a generated configuration", "it is not what the code makes", RENEW)
        for name in sorted(wanted.keys() | committed.keys())
        if wanted.get(name) != committed.get(name)
    ]
