"""Which processes there are, where each listens, and what each is told."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from mercato.apps.listening import free_ports
from mercato.apps.services import FACES, service_names
from mercato.runtime.settings import Settings, SettingsError

HOST = "127.0.0.1"
MOST = 99  # processes of one service on one machine


class Planned(msgspec.Struct, frozen=True):
    """One process: what it serves, its HTTP port, and the port of its door (0: it has none)."""

    name: str
    serves: str
    port: int
    door: int

    def folder(self, data: Path) -> Path:
        return data / self.name

    def words(self, data: Path) -> list[str]:
        """Its command line."""
        words = ["serve", self.serves, "--data", str(self.folder(data)), "--host", HOST, "--port", str(self.port)]
        return words + (["--listen", f"{HOST}:{self.door}"] if self.door else [])


def read_counts(text: str) -> dict[str, int]:
    """How many processes each service or face has, one where nothing is said: `orders=2,storefront=2`.

    Raises SettingsError.
    """
    counts = dict.fromkeys((*service_names(), *FACES), 1)
    for word in filter(None, text.split(",")):
        name, _, count = word.partition("=")
        if name not in counts or not count.isdecimal() or not 0 < int(count) <= MOST:
            raise SettingsError(f"--processes has {word!r}: it is NAME=COUNT, where NAME is one of {', '.join(counts)}")
        counts[name] = int(count)
    return counts


def plan(settings: Settings, counts: Mapping[str, int]) -> list[Planned]:
    """The processes, those first on whom others depend. The first storefront listens where the settings say."""
    names = [(name, number) for name, count in counts.items() for number in range(1, count + 1)]
    faces = [(name, number) for name, number in names if name in FACES]
    ports = iter(free_ports(HOST, 2 * len(names)))
    planned = []
    for name, number in names:
        first = faces and (name, number) == faces[0]
        port = settings.port if first else next(ports)
        door = 0 if name in FACES else next(ports)
        planned.append(Planned(f"{name}-{number}", name, port, door))
    return planned


def peers_of(planned: Iterable[Planned]) -> str:
    """Where each service's processes are, as MERCATO_PEERS says it."""
    found: dict[str, list[str]] = {}
    for process in planned:
        if process.door:
            found.setdefault(process.serves, []).append(f"{HOST}:{process.door}")
    return " ".join(f"{name}={','.join(addresses)}" for name, addresses in found.items())
