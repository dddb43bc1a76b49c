"""Tasks that run in whichever process owns the data folder: the running shop, or the command itself."""

import asyncio
import sys
from typing import Any

from mercato.apps.control import News, Order, Task, Tell, hand_over
from mercato.apps.owner import Owned, Ownership
from mercato.apps.shop import Shop, make_parts, run_in_loop
from mercato.runtime.settings import Settings

WIDTH = 30


def perform(settings: Settings, name: str, task: Task, arguments: dict[str, Any]) -> int:
    """Do a task here, or have the folder's owner do it; shows its progress; its exit code."""
    return run_in_loop(_perform(settings, name, task, arguments))


async def _perform(settings: Settings, name: str, task: Task, arguments: dict[str, Any]) -> int:
    tell = Terminal().tell
    if settings.peers:
        return await _perform_among(settings, task, arguments, tell)
    try:
        with Ownership(settings.data):
            shop = Shop(settings, make_parts(settings, asyncio.get_running_loop()))
            shop.start()
            try:
                return await task(shop, arguments, tell)
            finally:
                await shop.stop()
    except Owned as owned:
        try:
            return await hand_over(settings.data, Order(name, arguments), tell)
        except (FileNotFoundError, ConnectionRefusedError):
            raise owned from None


async def _perform_among(settings: Settings, task: Task, arguments: dict[str, Any], tell: Tell) -> int:
    """Do a task as one process among those of all services, which runs none itself."""
    settings.data.mkdir(parents=True, exist_ok=True)
    shop = Shop(settings, make_parts(settings, asyncio.get_running_loop()), runs=frozenset())
    shop.start()
    try:
        return await task(shop, arguments, tell)
    finally:
        await shop.stop()


class Terminal:
    """Shows news of a task: notes as lines, progress as a bar where somebody is looking."""

    def __init__(self) -> None:
        self._looking = sys.stderr.isatty()
        self._bar = False

    def tell(self, news: News) -> None:
        if news.note is not None:
            if self._bar:
                print(file=sys.stderr)
                self._bar = False
            print(news.note, flush=True)
        if news.done is not None and self._looking:
            total = news.total or 1
            filled = min(WIDTH, news.done * WIDTH // max(total, 1))
            percent = min(100, news.done * 100 // max(total, 1))
            bar = "#" * filled + "." * (WIDTH - filled)
            print(f"\r[{bar}] {percent:3d} %", end="", file=sys.stderr, flush=True)
            self._bar = True


def note(tell: Tell, text: str) -> None:
    tell(News(note=text))
