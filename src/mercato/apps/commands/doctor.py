"""`mercato doctor`: every engine that the settings name, looked at from this machine."""

import argparse
import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from mercato.apps.commands.data_folder import add_data_folder
from mercato.apps.doctor.databases import database_checks
from mercato.apps.doctor.documents import documents_checks
from mercato.apps.doctor.neighbours import (
    folder_check,
    kafka_check,
    mail_check,
    media_check,
    peer_checks,
    redis_check,
    search_check,
)
from mercato.apps.doctor.results import FAIL, WARN, Check, Result, lines_of, run_all, without_secrets
from mercato.apps.services import make_services
from mercato.apps.shop import make_parts, run_in_loop
from mercato.runtime.media.opening import open_media
from mercato.runtime.media.store import MediaStore
from mercato.runtime.settings import Settings, read_settings
from mercato.runtime.setup import Setup
from mercato.values.clock import Clock, SystemClock


def add_options(parser: argparse.ArgumentParser) -> None:
    add_data_folder(parser)


def command(options: argparse.Namespace) -> int:
    results = examine(read_settings(data=options.data), SystemClock(), os.environ)
    for line in lines_of(results):
        print(line)
    failed = sum(result.status == FAIL for result in results)
    warned = sum(result.status == WARN for result in results)
    print(f"{len(results)} checks: {failed} FAIL, {warned} warn")
    return 1 if failed else 0


def examine(settings: Settings, clock: Clock, environment: Mapping[str, str]) -> list[Result]:
    """Everything that is found, without passwords. Raises SettingsError for a setting that cannot be read."""
    cache = environment.get("MERCATO_CACHE", "")
    with TemporaryDirectory(prefix="mercato-doctor-") as scratch:
        results = run_all(run_in_loop(_checks(settings, clock, cache, Path(scratch))))
    urls = (settings.database, settings.database_owner, *settings.databases.values())
    stores = (settings.documents, *settings.document_stores.values())
    return without_secrets(results, (*urls, *stores, settings.mail, settings.media, settings.search, cache))


async def _checks(settings: Settings, clock: Clock, cache: str, scratch: Path) -> list[Check]:
    """The services are made for their tables and listeners; none is opened, and the data folder is not touched."""
    quiet = msgspec.structs.replace(
        settings, data=scratch, keys="", events="", peers="", log="stderr", access_log="off"
    )

    def open_store() -> MediaStore:
        return open_media(settings, make_parts(quiet, asyncio.get_running_loop()))

    parts = make_parts(quiet, asyncio.get_running_loop())
    parts.pools.close()
    services = make_services(Setup(quiet, parts, runs=frozenset()))
    kept = settings.media or settings.data.is_dir()
    return [
        folder_check(settings),
        *database_checks(settings, services, clock),
        *documents_checks(settings, services),
        *kafka_check(settings, services),
        *redis_check(cache),
        *search_check(settings),
        *([media_check(open_store)] if kept else []),
        *peer_checks(settings),
        *mail_check(settings),
    ]
