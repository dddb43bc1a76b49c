"""nginx, for tests that put it in front of a shop."""

from tools.engines.installing import provide
from tools.engines.room import Room
from tools.engines.server import Program


def _install(room: Room) -> str:
    return provide("nginx", "nginx-light")


PROGRAM = Program(_install)
