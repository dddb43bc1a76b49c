"""`mercato search`: have the indexes of search made anew."""

import argparse
from typing import Any

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.commands.tasks import note, perform
from mercato.apps.control import Tell
from mercato.apps.shop import Shop
from mercato.runtime.settings import read_settings
from mercato.services.search.jobs import tell_again_what_was_before
from mercato.services.search.messages import AskToldAgain, RebuildIndex
from mercato.values.messages import Caller


def add_options(parser: argparse.ArgumentParser) -> None:
    add_data_folder(parser)
    parser.add_argument("deed", choices=("rebuild",), help="make a new index beside the one that serves, then switch")
    parser.add_argument(
        "--from-catalogue",
        action="store_true",
        help="have catalog, pricing and inventory tell everything again before",
    )


def command(options: argparse.Namespace) -> int:
    settings = read_settings(data=options.data)
    return perform(settings, "search", rebuild, {"from_catalogue": options.from_catalogue})


async def rebuild(shop: Shop, arguments: dict[str, Any], tell: Tell) -> int:
    """Ask for a new index; every process with search makes its own, while the old one serves."""
    calls, caller = shop.node.calls, Caller.system("", "search rebuild")
    if arguments.get("from_catalogue"):
        await calls.do(AskToldAgain(), caller)
        await tell_again_what_was_before(calls, shop.parts.clock.now())
        note(tell, "everything is told again")
    await calls.do(RebuildIndex(), caller)
    note(tell, "a new index is being made; the old one serves until then")
    return 0
