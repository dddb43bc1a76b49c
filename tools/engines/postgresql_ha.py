"""Two PostgreSQL servers: what the one commits is on the disk of the other before it is acknowledged.

`postgresql-first` is the primary at first. `promote` makes the other one it, and one that comes back after that
becomes the other's standby. Who is what follows from the data alone, so that it outlasts every end.
"""

import re
import signal
from pathlib import Path

from tools.engines import state
from tools.engines.engine import Engine
from tools.engines.postgresql import (
    OWNER,
    USER,
    address,
    answers,
    binary,
    furnish,
    initialise,
    install,
    remove_stale_locks,
    sql,
    start_command,
)
from tools.engines.reasons import Unavailable
from tools.engines.room import Room, system_user
from tools.engines.server import Address, Server
from tools.engines.waiting import wait_until

FIRST = "postgresql-first"
SECOND = "postgresql-second"

_SYSTEM_USER = system_user("postgres")
_PATIENCE = 120  # seconds for the primary to be there, which may have to be installed yet


def promote(standby: Engine) -> None:
    """Make a standby the primary. It commits alone until the other one has come back."""
    room = _room(standby.name, standby.folder.parent)
    sql(room, "select pg_promote(true, 30)")
    # The name of the standby came with the data; without this, each commit would wait for itself.
    sql(room, "alter system reset synchronous_standby_names; select pg_reload_conf()")
    sql(room, "checkpoint")  # by which the data tells that it is the newer one


def is_primary(engine: Engine) -> bool:
    return sql(_room(engine.name, engine.folder.parent), "select pg_is_in_recovery()") == "f"


def _command(room: Room) -> list[str]:
    other = _other(room)
    if _is_to_lead(room, other):
        # Now, so that they are written down before the other asks for them. Its data may have come from the other.
        room.facts.update((name, fact) for name, fact in other.facts.items() if name.startswith("password of "))
        for role in (USER, OWNER):
            room.password(role)
        # Who comes back needs what was written since it went. It is no option of the command, since its own recovery
        # has to know it too.
        return start_command(room, initialise(room, "wal_keep_size = 256MB\n"))
    if not wait_until(lambda: answers(_other(room)), _PATIENCE, pause=0.5):
        raise Unavailable(f"{other.name} is not up, which it would follow")
    return _follow(room, _other(room))


def _is_to_lead(room: Room, other: Room) -> bool:
    """Whether its data is of a primary, and newer than what the other has."""
    data = room.folder / "data"
    if not data.exists():
        return room.name == FIRST and not (other.folder / "data").exists()
    return not (data / "standby.signal").exists() and _timeline(room) >= _timeline(other)


def _timeline(room: Room) -> int:
    """How often the data has changed its primary; 0 where there is none."""
    if not (room.folder / "data").exists():
        return 0
    told = room.run(binary("pg_controldata"), str(room.folder / "data"))
    found = re.search(r"^Latest checkpoint's TimeLineID: +(\d+)$", told, re.MULTILINE)
    return int(found[1]) if found else 0


def _follow(room: Room, primary: Room) -> list[str]:
    """Have the primary's data, or what has changed of it since they parted, and start as its standby."""
    data, sockets = room.folder / "data", room.subfolder("run")
    where = f"host={primary.folder / 'run'} port={primary.port()} user=postgres"
    if not data.exists():
        making = room.afresh("data")
        copy = [binary("pg_basebackup"), "--pgdata", str(making), "--checkpoint=fast", "--wal-method=stream"]
        room.run(*copy, "--dbname", where, seconds=120)
        room.write(f"{making.name}/standby.signal", "")
        making.rename(data)
    elif not (data / "standby.signal").exists():
        remove_stale_locks(data, sockets)
        rewind = [binary("pg_rewind"), f"--target-pgdata={data}", f"--source-server={where} dbname=postgres"]
        room.run(*rewind, seconds=120)
    room.write("data/standby.signal", "")
    return start_command(room, data, {"primary_conninfo": f"{where} application_name={room.name}"})


def _furnish(room: Room) -> None:
    """The primary gets its roles; a standby is waited for by each commit from now on."""
    if sql(room, "select pg_is_in_recovery()") == "f":
        furnish(room)
        return
    primary = _other(room)
    sql(primary, f"alter system set synchronous_standby_names = 'any 1 (\"{room.name}\")'; select pg_reload_conf()")
    asked = f"select 1 from pg_stat_replication where application_name = '{room.name}' and sync_state = 'quorum'"  # noqa: S608 - our own name
    if not wait_until(lambda: bool(sql(primary, asked)), 30):
        raise Unavailable(f"{primary.name} does not send it what it commits")


def _address(room: Room) -> Address:
    """Both have the same roles, with the passwords of the one who made them."""
    rows = state.read(room.folder.parent)
    maker = next(row for name in (FIRST, SECOND) if (row := rows.get(name)) and f"password of {USER}" in row.facts)
    return address(Room(room.name, room.folder, {**maker.facts, "port": str(room.port())}))


def _other(room: Room) -> Room:
    return _room(SECOND if room.name == FIRST else FIRST, room.folder.parent)


def _room(name: str, folder: Path) -> Room:
    return Room(name, folder / name, dict(state.read(folder).get(name, state.Row()).facts), _SYSTEM_USER)


SERVER = Server(install, _command, answers, _address, _furnish, user=_SYSTEM_USER, end=signal.SIGINT, seconds=120)
