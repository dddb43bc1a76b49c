"""`mercato move`: a shop that has outgrown its machine moves from its data folder to databases on servers."""

import argparse
import asyncio
import shutil
from pathlib import Path

import msgspec

from mercato.apps.commands.tasks import Terminal
from mercato.apps.control import News, Tell
from mercato.apps.moved import mark_moved
from mercato.apps.moving import Move, shown_target, table_of, to_take_along
from mercato.apps.owner import Owned, Ownership
from mercato.apps.services import make_services
from mercato.apps.shop import make_parts, run_in_loop
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings, read_settings
from mercato.runtime.setup import Setup
from mercato.values.clock import SystemClock

BATCH = 1_000
MOST_AT_ONCE = 10_000


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="data", type=Path, metavar="DATA", help="the data folder (mercato-data)")
    parser.add_argument("--to", metavar="URL", help="postgresql://... or mysql://USER:PASSWORD@HOST:PORT/NAME, as in "
                        "MERCATO_DATABASE")  # fmt: skip
    parser.add_argument("--owner", metavar="URL", help="the login that makes tables, as in MERCATO_DATABASE_OWNER")
    parser.add_argument("--documents", metavar="URL", help="mongodb://[USER:PASSWORD@]HOST:PORT/NAME, as in "
                        "MERCATO_DOCUMENTS, where documents are not to be in the databases")  # fmt: skip
    parser.add_argument("--batch", type=_batch, default=BATCH, metavar="N", help=f"rows at a time ({BATCH})")
    parser.add_argument("--keys", type=Path, metavar="PATH", help="where to copy the keys to")


def _batch(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= MOST_AT_ONCE:
        raise argparse.ArgumentTypeError(f"it is a number from 1 to {MOST_AT_ONCE}, not {text}")
    return int(text)


def command(options: argparse.Namespace) -> int:
    settings = read_settings(
        data=options.data, database=options.to, database_owner=options.owner, documents=options.documents
    )
    if not settings.data.is_dir():
        raise ValueError(f"there is no folder {settings.data}: name the data folder of the shop by --from")
    try:
        with Ownership(settings.data):
            return _move(settings, options.batch, options.keys, Terminal().tell)
    except Owned as owned:
        raise Owned(f"a shop moves while it is closed: {owned}") from None


async def _services(settings: Settings) -> tuple[Service, ...]:
    """All services, for the sake of their tables. None is opened, and nothing is logged."""
    closed = msgspec.structs.replace(settings, keys="", events="", peers="", log="stderr", access_log="off")
    parts = make_parts(closed, asyncio.get_running_loop())
    try:
        return make_services(Setup(closed, parts, runs=frozenset()))
    finally:
        parts.pools.close()


def _move(settings: Settings, batch: int, keys: Path | None, tell: Tell) -> int:
    own = settings.data / "keys.json"
    _require_same_keys(own, keys)
    compared = Move(settings, run_in_loop(_services(settings)), batch, SystemClock().now(), tell).run()
    where = shown_target(settings)
    if compared is not None:
        for line in table_of(compared):
            tell(News(note=line))
        if differing := [each.name for each in compared if not each.same]:
            tell(
                News(
                    note=f"{len(differing)} tables differ ({', '.join(differing)}): the shop has not moved. Remove the "
                    "databases on the server, and move again"
                )
            )
            return 1
    if keys is not None and not keys.exists():
        keys.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(own, keys)  # with its rights: nobody else reads it
    mark_moved(settings.data, where)
    if compared is None:
        tell(News(note=f"the shop in {settings.data} moved to {where} before: nothing was left to do"))
        return 0
    tell(News(note=f"the shop in {settings.data} has moved to {where}; the folder is as it was, keep it as a backup"))
    for line in to_take_along(settings, keys):
        tell(News(note=line))
    return 0


def _require_same_keys(own: Path, other: Path | None) -> None:
    if not own.exists():
        raise ValueError(f"{own} is missing, so this is no data folder of a shop: name it by --from")
    if other is not None and other.exists() and other.read_bytes() != own.read_bytes():
        raise ValueError(f"{other} has other keys, and is not overwritten: choose another path for --keys")
