"""What an engine is given stays the same."""

import socket
from pathlib import Path

from tools.engines import room
from tools.engines.room import Room


def test_ports_and_passwords_are_made_once(tmp_path: Path) -> None:
    first = Room("engine", tmp_path)
    again = Room("engine", tmp_path, first.facts)
    assert first.port() == again.port()
    assert first.port() != first.port("other port")
    assert first.password("user") == again.password("user")
    assert first.password("user") != first.password("owner")
    assert first.password("user").isalnum()


def test_ports_are_none_that_the_system_lends_to_clients(tmp_path: Path) -> None:
    lent = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if lent.exists():
        assert int(lent.read_text().split()[0]) >= room._PORTS.stop
    with socket.create_server(("127.0.0.1", Room("engine", tmp_path).port())) as listener:
        assert listener.getsockname()[1] in room._PORTS


def test_folders_and_files_lie_in_the_room(tmp_path: Path) -> None:
    engine = Room("engine", tmp_path / "engine")
    engine.make()
    engine.make()
    assert engine.subfolder("data").stat().st_mode & 0o777 == 0o700
    assert engine.write("settings", "text").read_text() == "text"
