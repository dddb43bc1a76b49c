"""`mercato keys`: show or rotate the keys that sign quotes, guests' passes and notices."""

import argparse

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.owner import Ownership
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.settings import read_settings
from mercato.values.clock import SystemClock
from mercato.values.ids import Ids


def add_options(parser: argparse.ArgumentParser) -> None:
    add_data_folder(parser)
    parser.add_argument("action", nargs="?", choices=("show", "rotate"), default="show")


def command(options: argparse.Namespace) -> int:
    settings = read_settings(data=options.data)
    ids = Ids(SystemClock())
    with Ownership(settings.data):
        path = settings.keys_file
        keyring = Keyring.open(path, ids)
        if options.action == "rotate":
            keyring = keyring.rotated(ids)
            keyring.save(path)
        print(f"{keyring.current} signs; {', '.join(keyring.names)} verify")
    return 0
