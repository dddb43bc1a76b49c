"""`python -m tools.engines up | down | status [NAME ...]`, started in the root of the project.

Exit code 0 when all that was asked for is so, 1 when it is not, 2 for a name that nobody has.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from tools.engines import (
    haproxy,
    kafka,
    mariadb,
    mongo,
    nginx,
    opensearch,
    postgresql,
    postgresql_ha,
    processes,
    redis,
    s3,
    state,
    toxiproxy,
    traefik,
)
from tools.engines.lifting import Lifting
from tools.engines.reasons import Unavailable
from tools.engines.server import Kind
from tools.engines.state import Row, Rows

ENGINES: dict[str, Kind] = {
    "postgresql": postgresql.SERVER,
    "mariadb": mariadb.SERVER,
    "redis": redis.SERVER,
    "kafka": kafka.SERVER,
    "mongo": mongo.SERVER,
    "opensearch": opensearch.SERVER,
    "s3": s3.SERVER,
    "toxiproxy": toxiproxy.SERVER,
    postgresql_ha.FIRST: postgresql_ha.SERVER,
    postgresql_ha.SECOND: postgresql_ha.SERVER,
    "nginx": nginx.PROGRAM,
    "haproxy": haproxy.PROGRAM,
    "traefik": traefik.PROGRAM,
}

_AT_ONCE = 4  # that are brought up side by side: most of the time goes by in waiting for others


def main(arguments: list[str]) -> int:
    asked = _parser().parse_intermixed_args(arguments)
    unknown = [name for name in asked.names if name not in ENGINES]
    if unknown:
        print(f"no engine is called {' or '.join(unknown)}; there are {', '.join(ENGINES)}")
        return 2
    try:
        state.prepare(asked.folder)
        if asked.word == "status":
            return Command(asked.folder, asked.names).status()
        with state.turn(asked.folder):
            command = Command(asked.folder, asked.names)
            return command.down() if asked.word == "down" else command.up(asked.tolerant)
    except Unavailable as hindrance:
        print(hindrance)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.engines", description="Real servers for tests, on loopback.")
    parser.add_argument("word", choices=("up", "down", "status"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"all, if none is given: {', '.join(ENGINES)}")
    parser.add_argument("--folder", type=lambda text: Path(text).absolute(), default=state.default_folder())
    parser.add_argument("--tolerant", action="store_true", help="exit code 0 also where some cannot be had")
    return parser


class Command:
    """What is asked of the engines of one folder. Rows are those of all engines; the names say which are meant."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self._folder, self._names = folder, names or list(ENGINES)
        rows = state.read(folder)
        self._rows: Rows = {**rows, **{name: rows.get(name, Row()) for name in self._names}}
        self._writing = Lock()

    def up(self, tolerant: bool) -> int:
        with ThreadPoolExecutor(_AT_ONCE) as several:
            done = {name: several.submit(self._up, lifting) for name, lifting in self._liftings()}
            for name, outcome in done.items():
                _tell(name, self._rows[name], f"{outcome.result():.1f} s")
        absent = [name for name in done if self._rows[name].reason]
        return 1 if absent and not tolerant else 0

    def down(self) -> int:
        for _, lifting in self._liftings():
            lifting.down()
        for name in self._names:
            _tell(name, Row(), "down")
        return 0

    def status(self) -> int:
        conditions = {name: lifting.condition(self._folder) for name, lifting in self._liftings()}
        for name, condition in conditions.items():
            _tell(name, self._rows[name], condition)
        return 0 if set(conditions.values()) <= {"up", "installed"} else 1

    def _up(self, lifting: Lifting) -> float:
        """The seconds that it took."""
        begun = time.monotonic()
        if processes.are_known():
            lifting.up(self._folder)
        else:
            lifting.give_up("servers are started on Linux only")
        return time.monotonic() - begun

    def _liftings(self) -> Iterator[tuple[str, Lifting]]:
        for name in self._names:
            yield name, Lifting(name, ENGINES[name], self._rows[name], self._keep)

    def _keep(self) -> None:
        with self._writing:
            state.write(self._folder, self._rows)


def _tell(name: str, row: Row, condition: str) -> None:
    """A line for each engine; below it the address of the owner, where there is one."""
    what = f"absent: {row.reason}" if row.reason else row.url or row.program
    print(f"{name:<18}{condition if condition not in what else '':<10}{what}", flush=True)
    if row.owner_url and not row.reason:
        print(f"{'':<28}{row.owner_url}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
