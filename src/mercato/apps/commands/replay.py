"""`mercato replay`: events whose effect failed, for a person to look at and to try again."""

import argparse
from typing import Any

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.commands.tasks import note, perform
from mercato.apps.control import Tell
from mercato.apps.shop import Shop
from mercato.runtime.settings import read_settings


def add_options(parser: argparse.ArgumentParser) -> None:
    add_data_folder(parser)
    parser.add_argument("event", nargs="?", help="SERVICE/SOURCE/NUMBER as listed, or `all`")


def command(options: argparse.Namespace) -> int:
    settings = read_settings(data=options.data)
    return perform(settings, "replay", replay, {"event": options.event or ""})


async def replay(shop: Shop, arguments: dict[str, Any], tell: Tell) -> int:
    """List parked events, or make one or all of them due now."""
    wanted = str(arguments.get("event", ""))
    found = 0
    for name, executor in shop.node.executors.items():
        for row in executor.list_parked():
            label = f"{name}/{row.source}/{row.number}"
            if wanted not in ("", "all", label):
                continue
            found += 1
            if wanted:
                await executor.replay(row)
                note(tell, f"{label} is tried again now")
            else:
                state = "given up" if row.due_at is None else "waits"
                note(tell, f"{label} {state} after {row.attempts} tries: {row.error}")
    if not found:
        note(tell, f"there is no parked event {wanted}" if wanted not in ("", "all") else "no event is parked")
        return int(wanted not in ("", "all"))
    return 0
