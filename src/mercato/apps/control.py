"""Work handed to the process that owns a data folder, over a Unix socket in that folder.

One connection is one task. The client sends one JSON line `{"task": NAME, "arguments": {...}}`; the owner answers with
JSON lines: `{"note": TEXT}` and `{"done": N, "total": M}` while it works, and at last `{"exit": CODE}`.
"""

import asyncio
import os
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from mercato.apps.shop import Shop

NAME = "control.sock"
_LINE = 1 << 20
LONGEST = 100  # bytes of a socket's name; the kernel takes 107


class Order(msgspec.Struct, frozen=True):
    """A task and what it is given."""

    task: str
    arguments: dict[str, Any] = {}


class News(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a task is: a note to show, `done` of `total`, or its exit code at the end."""

    note: str | None = None
    done: int | None = None
    total: int | None = None
    exit: int | None = None


Tell = Callable[[News], None]
Task = Callable[[Shop, dict[str, Any], Tell], Awaitable[int]]


class ControlServer:
    """Does tasks for commands that found the folder owned."""

    def __init__(self, shop: Shop, tasks: dict[str, Task]) -> None:
        self._shop = shop
        self._tasks = tasks
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        path = self._shop.settings.data / NAME
        path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, reachable(path), limit=_LINE)
        path.chmod(0o600)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        (self._shop.settings.data / NAME).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def tell(news: News) -> None:
            writer.write(msgspec.json.encode(news) + b"\n")

        try:
            order = msgspec.json.decode(await reader.readline(), type=Order)
            task = self._tasks[order.task]
            code = await task(self._shop, order.arguments, tell)
        except (msgspec.DecodeError, KeyError) as error:
            tell(News(note=f"this is no task that the owner knows: {error}"))
            code = 2
        except Exception as error:
            self._shop.parts.telemetry.log.error("task_failed", error="".join(traceback.format_exception(error)))
            tell(News(note=f"the task failed: {error}; mercato.log in the data folder has the details"))
            code = 1
        tell(News(exit=code))
        writer.close()


async def hand_over(data: Path, order: Order, tell: Tell) -> int:
    """Have the owner of the folder do a task; its exit code. Raises ConnectionError when the owner goes away."""
    reader, writer = await asyncio.open_unix_connection(reachable(data / NAME), limit=_LINE)
    writer.write(msgspec.json.encode(order) + b"\n")
    try:
        while line := await reader.readline():
            news = msgspec.json.decode(line, type=News)
            if news.exit is not None:
                return news.exit
            tell(news)
    finally:
        writer.close()
    raise ConnectionError("the process that owns the data folder ended before the task did")


def reachable(path: Path) -> str:
    """A name for a socket that fits into the kernel's 107 bytes, however long its folder's name is."""
    if len(os.fsencode(path)) <= LONGEST:
        return str(path)
    return os.path.relpath(path)
