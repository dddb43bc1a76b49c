"""`mercato migrate`: bring the databases up to date without starting the shop."""

import argparse
import asyncio

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.owner import Ownership
from mercato.apps.services import make_services
from mercato.apps.shop import make_parts, run_in_loop
from mercato.runtime.migrate import migrate
from mercato.runtime.settings import Settings, read_settings
from mercato.runtime.setup import Setup


def add_options(parser: argparse.ArgumentParser) -> None:
    add_data_folder(parser)


def command(options: argparse.Namespace) -> int:
    settings = read_settings(data=options.data)
    with Ownership(settings.data):
        return run_in_loop(_migrate(settings))


async def _migrate(settings: Settings) -> int:
    parts = make_parts(settings, asyncio.get_running_loop())
    for service in make_services(Setup(settings, parts, runs=frozenset())):  # for their tables: none is opened
        database = parts.open_database(service.name)
        for name in migrate(service, database, parts.clock.now()):
            print(f"applied {name}")
        database.close()
    parts.pools.close()
    print("the databases are up to date")
    return 0
