"""The command line: `mercato run`, `serve`, `import`, `verify` and the others of COMMANDS."""

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from mercato import __version__
from mercato.apps.commands import bench
from mercato.apps.owner import Owned
from mercato.runtime.database.faults import DatabaseFault
from mercato.runtime.settings import SettingsError

COMMANDS = {
    "run": "open the shop",
    "serve": "run some services, or a front-end, as one process of several",
    "import": "import a catalogue from a file",
    "verify": "check every figure against what explains it",
    "replay": "list events whose effect failed, or try them again",
    "search": "make the index of search anew",
    "keys": "show or rotate the keys that sign quotes",
    "migrate": "bring the databases up to date without starting the shop",
    "move": "move a closed shop from its data folder to databases on servers",
    "doctor": "look at every engine that the settings name",
    "simulate": "try the whole shop in a seeded world that misbehaves",
    "edge": "make the configuration of a proxy in front",
}


class Command(Protocol):
    """A module of `apps/commands`."""

    def add_options(self, parser: argparse.ArgumentParser, /) -> None: ...

    def command(self, options: argparse.Namespace, /) -> int: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code. What goes wrong is told in one sentence that says what to do."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["bench"]:
            return bench.command(words[1:])  # it has options of its own, --help among them
        wanted = next((word for word in words if word in COMMANDS), "")
        options = _parser(wanted).parse_args(words)
        return _module_of(wanted).command(options)
    except (SettingsError, Owned, DatabaseFault, OSError, ValueError) as error:
        print(f"mercato: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mercato: stopped", file=sys.stderr)
        return 130


def _parser(wanted: str) -> argparse.ArgumentParser:
    """Knows the names of all commands, and the options of the one that is wanted."""
    parser = argparse.ArgumentParser(prog="mercato", description="An open commerce platform.")
    parser.add_argument("--version", action="version", version=f"mercato {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == wanted:
            _module_of(name).add_options(command)
    commands.add_parser("bench", help="measure, from a checkout of the source", add_help=False)
    return parser


def _module_of(name: str) -> Command:  # noqa: PLR0911 - one for each command
    """The module of a command, loaded when it is wanted: who opens the shop does not wait for the simulator."""
    match name:
        case "run":
            from mercato.apps.commands import run

            return run
        case "serve":
            from mercato.apps.commands import serve

            return serve
        case "import":
            from mercato.apps.commands import import_file

            return import_file
        case "verify":
            from mercato.apps.commands import verify

            return verify
        case "replay":
            from mercato.apps.commands import replay

            return replay
        case "search":
            from mercato.apps.commands import search

            return search
        case "keys":
            from mercato.apps.commands import keys

            return keys
        case "migrate":
            from mercato.apps.commands import migrate

            return migrate
        case "move":
            from mercato.apps.commands import move

            return move
        case "doctor":
            from mercato.apps.commands import doctor

            return doctor
        case "edge":
            from mercato.apps.commands import edge

            return edge
        case _:
            from mercato.apps.commands import simulate

            return simulate
