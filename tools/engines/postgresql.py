"""PostgreSQL with a cluster of its own: a role that owns data, and one that only has what it is granted."""

import re
import signal
from pathlib import Path

from tools.engines.commands import Setting, run
from tools.engines.installing import find, install_packages
from tools.engines.processes import identify, lives
from tools.engines.reasons import Unavailable
from tools.engines.room import Room, system_user
from tools.engines.server import Address, Server

DATABASE = "mercato"
OWNER = "mercato_owner"
USER = "mercato"

# Small, but as safe as in use: fsync and full_page_writes stay on.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "512MB",
    "max_parallel_workers": "2",
    "unix_socket_permissions": "0700",
    "recovery_init_sync_method": "syncfs",  # after a crash: with hundreds of databases one file at a time takes minutes
}


def binary(name: str) -> str:
    """The path of one of PostgreSQL's programs, of the newest version that is here; Unavailable without any."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    path = str(versions[-1]) if versions else find(name)
    if not path:
        raise Unavailable(f"there is no {name}")
    return path


def install(room: Room) -> None:
    try:
        binary("initdb")
    except Unavailable:
        install_packages("postgresql")


def initialise(room: Room, settings: str = "") -> Path:
    """The data folder of a cluster, made when there is none, with some lines more in its configuration.

    The super-user comes through the socket only, whose folder nobody else may enter; all others need a password.
    """
    data = room.folder / "data"
    if not data.exists():
        making = room.afresh("data")
        command = [binary("initdb"), "--pgdata", str(making), "--username=postgres", "--data-checksums"]
        ways = ["--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]
        room.run(*command, *ways, seconds=120)
        with (making / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(settings)
        making.rename(data)
    return data


def start_command(room: Room, data: Path, more: dict[str, str] | None = None) -> list[str]:
    sockets = room.subfolder("run")
    remove_stale_locks(data, sockets)
    settings = {**SETTINGS, "port": str(room.port()), "unix_socket_directories": str(sockets)}
    options = [part for name, value in {**settings, **(more or {})}.items() for part in ("-c", f"{name}={value}")]
    return [binary("postgres"), "-D", str(data), *options]


def answers(room: Room) -> bool:
    """Whether it lets clients in: at once after a crash it is there, but still reads its log."""
    where = ["--host", str(room.folder / "run"), "--port", str(room.port()), "--username=postgres"]
    try:
        run([binary("pg_isready"), "--quiet", "--timeout=2", "--dbname=postgres", *where], 5)
    except Unavailable:
        return False
    return True


def sql(room: Room, statements: str, database: str = "postgres") -> str:
    """What the super-user gets for some statements, one row a line."""
    where = ["--host", str(room.folder / "run"), "--port", str(room.port()), "--username=postgres"]
    how = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
    # Where commits wait for another server, this one does not: it may be what brings that one back.
    alone = Setting(given=statements, variables={"PGOPTIONS": "-c synchronous_commit=local"})
    return run([binary("psql"), *where, *how, "--dbname", database], 40, alone).strip()


def furnish(room: Room) -> None:
    _make_role(room, OWNER, "createdb createrole")
    _make_role(room, USER, "noinherit")
    if not sql(room, f"select 1 from pg_database where datname = '{DATABASE}'"):  # noqa: S608 - a name of our own
        sql(room, f"create database {DATABASE} owner {OWNER}")


def address(room: Room) -> Address:
    place = f"127.0.0.1:{room.port()}/{DATABASE}"
    user, owner = (f"{role}:{room.password(role)}" for role in (USER, OWNER))
    return Address(f"postgresql://{user}@{place}", f"postgresql://{owner}@{place}")


def _command(room: Room) -> list[str]:
    return start_command(room, initialise(room))


def _make_role(room: Room, role: str, rights: str) -> None:
    if not sql(room, f"select 1 from pg_roles where rolname = '{role}'"):  # noqa: S608 - a name of our own
        sql(room, f"create role {role} login {rights}")
    sql(room, f"alter role {role} password '{room.password(role)}'")


def remove_stale_locks(data: Path, sockets: Path) -> None:
    """A server that was killed leaves them behind, and the next one takes it for alive while it is still listed."""
    for lock in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*.lock")):
        owner = identify(int(lock.read_text(encoding="utf-8").split()[0])) if lock.exists() else None
        if owner is None or not lives(owner):
            lock.unlink(missing_ok=True)


def _version(path: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", path.parts[4])))


SERVER = Server(
    install, _command, answers, address, furnish, user=system_user("postgres"), end=signal.SIGINT, seconds=120
)
