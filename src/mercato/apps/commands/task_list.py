"""The tasks that a running shop does for commands which find its data folder owned.

What does them is loaded with the first task: a shop opens without it.
"""

from typing import Any

from mercato.apps.control import Task, Tell
from mercato.apps.shop import Shop


async def _import(shop: Shop, arguments: dict[str, Any], tell: Tell) -> int:
    from mercato.apps.importing import import_file

    return await import_file(shop, arguments, tell)


async def _verify(shop: Shop, arguments: dict[str, Any], tell: Tell) -> int:
    from mercato.apps.commands.verify import verify

    return await verify(shop, arguments, tell)


async def _replay(shop: Shop, arguments: dict[str, Any], tell: Tell) -> int:
    from mercato.apps.commands.replay import replay

    return await replay(shop, arguments, tell)


async def _search(shop: Shop, arguments: dict[str, Any], tell: Tell) -> int:
    from mercato.apps.commands.search import rebuild

    return await rebuild(shop, arguments, tell)


TASKS: dict[str, Task] = {"import": _import, "verify": _verify, "replay": _replay, "search": _search}
