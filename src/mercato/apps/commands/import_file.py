"""`mercato import`: a catalogue from a file, beside a running shop or without one."""

import argparse

from mercato.apps.commands.tasks import perform
from mercato.apps.importing import import_file
from mercato.runtime.settings import read_settings


def command(options: argparse.Namespace) -> int:
    settings = read_settings(data=options.data)
    arguments = {
        "file": str(options.file.absolute()),
        "map": str(options.map.absolute()) if options.map else "",
        "report": str(options.report.absolute()) if options.report else "",
        "store": options.store,
        "dry_run": options.dry_run,
    }
    return perform(settings, "import", import_file, arguments)
