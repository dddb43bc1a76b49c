"""MariaDB, which stands for MySQL: what both understand is what may be used."""

import getpass

from tools.engines.commands import Setting, run
from tools.engines.installing import provide
from tools.engines.reasons import Unavailable
from tools.engines.room import Room, system_user
from tools.engines.server import Address, Server

DATABASE = "mercato"
OWNER = "mercato_owner"
USER = "mercato"

_PACKAGE = "mariadb-server"

# Small, but as safe as in use: each commit is flushed.
_SETTINGS = {
    "bind-address": "127.0.0.1",
    "character-set-server": "utf8mb4",
    "collation-server": "utf8mb4_bin",
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "48M",
    "innodb-flush-log-at-trx-commit": "1",
    "aria-pagecache-buffer-size": "8M",
    "key-buffer-size": "8M",
    "max-connections": "200",
}


def _install(room: Room) -> None:
    provide("mariadbd", _PACKAGE)


def _command(room: Room) -> list[str]:
    data = _initialise(room)
    files = {"datadir": data, "socket": _socket(room), "pid-file": str(room.subfolder("run") / "server.pid")}
    settings = {**_SETTINGS, **files, "port": str(room.port())}
    options = [f"--{name}={value}" for name, value in settings.items()]
    # `--no-defaults` has to be the first: what is installed on the machine for other purposes does not count.
    return [provide("mariadbd", _PACKAGE), "--no-defaults", *options, "--skip-name-resolve"]


def _initialise(room: Room) -> str:
    """The data folder, made when there is none. The super-user is whoever runs this, through the socket only."""
    data = room.folder / "data"
    if not data.exists():
        making = room.afresh("data")
        user = getpass.getuser()
        how = ["--auth-root-authentication-method=socket", f"--auth-root-socket-user={user}", "--skip-test-db"]
        room.run(provide("mariadb-install-db", _PACKAGE), "--no-defaults", f"--datadir={making}", *how, seconds=120)
        making.rename(data)
    return str(data)


def _answers(room: Room) -> bool:
    try:
        _sql(room, "select 1")
    except Unavailable:
        return False
    return True


def _sql(room: Room, statements: str) -> str:
    """What the super-user gets for some statements, one row a line."""
    client = [provide("mariadb", _PACKAGE), "--no-defaults", "--batch", "--skip-column-names", "--connect-timeout=2"]
    return run([*client, f"--socket={_socket(room)}"], 5, Setting(given=statements)).strip()


def _furnish(room: Room) -> None:
    for role in (OWNER, USER):
        _sql(room, f"create user if not exists '{role}'@'127.0.0.1' identified by '{room.password(role)}'")
    _sql(room, f"grant all privileges on *.* to '{OWNER}'@'127.0.0.1' with grant option")
    _sql(room, f"create database if not exists {DATABASE}")


def _address(room: Room) -> Address:
    place = f"127.0.0.1:{room.port()}/{DATABASE}"
    user, owner = (f"{role}:{room.password(role)}" for role in (USER, OWNER))
    return Address(f"mysql://{user}@{place}", f"mysql://{owner}@{place}")


def _socket(room: Room) -> str:
    return str(room.folder / "run" / "server.sock")


SERVER = Server(_install, _command, _answers, _address, _furnish, user=system_user("mysql"))
