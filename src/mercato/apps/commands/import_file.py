"""`mercato import`: a catalogue from a file, beside a running shop or without one."""

import argparse
from pathlib import Path

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.commands.tasks import perform
from mercato.apps.importing import import_file
from mercato.apps.moved import require_not_moved
from mercato.runtime.settings import read_settings


def add_options(parser: argparse.ArgumentParser) -> None:
    add_data_folder(parser)
    parser.add_argument("file", type=Path, help="a CSV file in Shopify's format, or JSON lines; .gz is read as it is")
    parser.add_argument("--map", type=Path, metavar="FILE", help="which foreign JSON fields are which of ours")
    parser.add_argument("--store", default="", metavar="HANDLE", help="the store (the first one)")
    parser.add_argument("--dry-run", action="store_true", help="read and report, change nothing")
    parser.add_argument("--despite-move", action="store_true", help="also into a folder whose shop has moved")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where to write rejected rows and warnings (CSV)")


def command(options: argparse.Namespace) -> int:
    settings = read_settings(data=options.data)
    if not options.despite_move:
        require_not_moved(settings)
    arguments = {
        "file": str(options.file.absolute()),
        "map": str(options.map.absolute()) if options.map else "",
        "report": str(options.report.absolute()) if options.report else "",
        "store": options.store,
        "dry_run": options.dry_run,
    }
    return perform(settings, "import", import_file, arguments)
