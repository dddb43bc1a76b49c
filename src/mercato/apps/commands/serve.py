"""`mercato serve`: some services, or a front-end, as one process of several."""

import argparse
import os
from contextlib import ExitStack

import msgspec

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.listening import listen
from mercato.apps.loading import loading
from mercato.apps.owner import Ownership
from mercato.runtime.settings import Settings, SettingsError, read_settings

DRAIN = 2.5  # seconds for which whoever is in front may find out that this process is leaving


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME[,NAME...]", help="services, or storefront")
    add_data_folder(parser)
    parser.add_argument("--port", type=int, help="where to listen for HTTP (8000)")
    parser.add_argument("--host", help="on which address to listen for HTTP (127.0.0.1)")
    parser.add_argument("--listen", metavar="HOST:PORT", help="where other processes send messages")


def command(options: argparse.Namespace) -> int:
    settings = read_settings(
        data=options.data, port=options.port, host=options.host, listen=options.listen, acceptor="off"
    )
    if "MERCATO_DRAIN" not in os.environ:
        settings = msgspec.structs.replace(settings, drain=DRAIN)
    with Ownership(settings.data), ExitStack() as open_sockets:
        sockets = [open_sockets.enter_context(each) for each in listen(settings.host, settings.port)]
        with loading():
            from mercato.apps.commands.opening import serve_part
            from mercato.apps.services import FACES, service_names
        names = options.names.split(",")
        if unknown := [name for name in names if name not in (*service_names(), *FACES)]:
            raise SettingsError(
                f"there is nothing to serve that is called {unknown[0]!r}: it is one of "
                f"{', '.join((*service_names(), *FACES))}"
            )
        runs = frozenset(names) - set(FACES)
        _require_places(settings, runs, service_names())
        return serve_part(settings, sockets, runs)


def _require_places(settings: Settings, runs: frozenset[str], known: tuple[str, ...]) -> None:
    """Services apart need servers for their databases, and must know where the others are."""
    for name in sorted(runs):
        if not (settings.database or name in settings.databases):
            raise SettingsError(
                f"{name} cannot run apart from the others on a file of its own: set MERCATO_DATABASE, or "
                f"MERCATO_{name.upper()}_DATABASE, to postgresql://USER:PASSWORD@HOST:PORT/NAME or mysql://..."
            )
    if runs and settings.listens is None:
        raise SettingsError("other processes must be able to send messages here: give --listen HOST:PORT")
    if missing := sorted(set(known) - runs - set(settings.places)):
        raise SettingsError(
            f"MERCATO_PEERS does not say where {missing[0]} is: add {missing[0]}=HOST:PORT, where its process listens"
        )
