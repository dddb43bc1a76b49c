"""`mercato verify`: every figure against what explains it, on a live shop or a closed one."""

import argparse
from typing import Any

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.commands.tasks import perform
from mercato.apps.control import News, Tell
from mercato.apps.shop import Shop
from mercato.apps.verify.report import find_differences
from mercato.runtime.settings import read_settings


def add_options(parser: argparse.ArgumentParser) -> None:
    add_data_folder(parser)


def command(options: argparse.Namespace) -> int:
    return perform(read_settings(data=options.data), "verify", verify, {})


async def verify(shop: Shop, _arguments: dict[str, Any], tell: Tell) -> int:
    """Print each difference; exit code 1 if there is any."""
    differences = await find_differences(shop)
    for difference in differences:
        tell(News(note=f"{difference.invariant} {difference.subject}: {difference.text}"))
    tell(News(note=f"{len(differences)} differences" if differences else "no differences: every figure is explained"))
    return 1 if differences else 0
