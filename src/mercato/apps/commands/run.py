"""`mercato run`: the shop is open."""

import argparse
import resource
from contextlib import ExitStack

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.listening import listen
from mercato.apps.loading import loading
from mercato.apps.moved import require_not_moved
from mercato.apps.owner import Ownership
from mercato.runtime.settings import read_settings

MOST_FILES = 65_536  # connections and database files together


def add_options(parser: argparse.ArgumentParser) -> None:
    add_data_folder(parser)
    parser.add_argument("--port", type=int, help="where to listen (8000)")
    parser.add_argument("--host", help="on which address to listen (127.0.0.1)")
    parser.add_argument("--empty", action="store_true", help="do not open the demo shop in a new data folder")
    parser.add_argument("--despite-move", action="store_true", help="open a folder whose shop has moved to servers")
    parser.add_argument("--distributed", action="store_true", help="each service as a process of its own")
    parser.add_argument(
        "--processes", default="", metavar="NAME=N,...", help="how many of each, with --distributed (1)"
    )


def command(options: argparse.Namespace) -> int:
    """Listen first: who comes while the shop is loaded waits a moment, and is not refused."""
    _allow_many_connections()
    settings = read_settings(data=options.data, port=options.port, host=options.host)
    if not options.despite_move:
        require_not_moved(settings)
    if options.distributed:
        from mercato.apps.commands.run_distributed import run_distributed

        return run_distributed(settings, options.processes, demo=not options.empty)
    with Ownership(settings.data), ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(each) for each in listen(settings.host, settings.port)]
        with loading():
            from mercato.apps.commands.opening import open_shop
        return open_shop(settings, sockets, demo=not options.empty)


def _allow_many_connections() -> None:
    """Systems let a process open a thousand files, and more only if it asks."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
