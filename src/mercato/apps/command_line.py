"""The command line: `mercato run`, `import`, `verify`, `replay`, `keys`, `migrate`, `simulate`, `bench`."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mercato import __version__
from mercato.apps.commands import bench, import_file, keys, migrate, replay, run, simulate, verify
from mercato.apps.owner import Owned
from mercato.runtime.database.engine import DatabaseFault
from mercato.runtime.settings import SettingsError

Command = Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code. What goes wrong is told in one sentence that says what to do."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == ["bench"]:
            return bench.command(words[1:])  # it has options of its own, --help among them
        options = _parser().parse_args(words)
        command: Command = options.command
        return command(options)
    except (SettingsError, Owned, DatabaseFault, OSError, ValueError) as error:
        print(f"mercato: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("mercato: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mercato", description="An open commerce platform.")
    parser.add_argument("--version", action="version", version=f"mercato {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_import(commands)
    _add(commands, "verify", verify.command, "check every figure against what explains it")
    replaying = _add(commands, "replay", replay.command, "list events whose effect failed, or try them again")
    replaying.add_argument("event", nargs="?", help="SERVICE/SOURCE/NUMBER as listed, or `all`")
    rotating = _add(commands, "keys", keys.command, "show or rotate the keys that sign quotes")
    rotating.add_argument("action", nargs="?", choices=("show", "rotate"), default="show")
    _add(commands, "migrate", migrate.command, "bring the databases up to date without starting the shop")
    text = "try the whole shop in a seeded world that misbehaves"
    simulate.add_options(commands.add_parser("simulate", help=text, description=text[0].upper() + text[1:] + "."))
    commands.add_parser("bench", help="measure, from a checkout of the source", add_help=False)
    return parser


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: Command, text: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data folder (mercato-data)")
    parser.set_defaults(command=command)
    return parser


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(commands, "run", run.command, "open the shop")
    parser.add_argument("--port", type=int, help="where to listen (8000)")
    parser.add_argument("--host", help="on which address to listen (127.0.0.1)")
    parser.add_argument("--empty", action="store_true", help="do not open the demo shop in a new data folder")


def _add_import(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(commands, "import", import_file.command, "import a catalogue from a file")
    parser.add_argument("file", type=Path, help="a CSV file in Shopify's format, or JSON lines; .gz is read as it is")
    parser.add_argument("--map", type=Path, metavar="FILE", help="which foreign JSON fields are which of ours")
    parser.add_argument("--store", default="", metavar="HANDLE", help="the store (the first one)")
    parser.add_argument("--dry-run", action="store_true", help="read and report, change nothing")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where to write rejected rows and warnings (CSV)")
