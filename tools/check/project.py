"""The whole project as it runs, for checks that look at it from inside: its services, statements and routes."""

import asyncio
import importlib
import pkgutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import mercato
from mercato.apps.services import make_services
from mercato.apps.shop import make_parts
from mercato.runtime.database.kept import Kept
from mercato.runtime.database.statements import Statement
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings
from mercato.runtime.setup import Setup

Result = TypeVar("Result")


def with_services(look: Callable[[tuple[Service, ...]], Result]) -> Result:
    """Make all services in an empty data folder and look at them."""

    async def make() -> Result:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(data=Path(folder), access_log="off")
            parts = make_parts(settings, asyncio.get_running_loop())
            services = make_services(Setup(settings, parts))
            try:
                return look(services)
            finally:
                for service in services:
                    if service.close is not None:
                        service.close()
                parts.pools.close()
                parts.telemetry.close()

    return asyncio.run(make())


def modules() -> Iterator[ModuleType]:
    """All modules of the package."""
    for found in pkgutil.walk_packages(mercato.__path__, "mercato."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def statements() -> dict[str, Statement[Any]]:
    """All declared statements, by the name of their module (without `mercato.`) and their own."""
    found: dict[str, Statement[Any]] = {}
    seen: set[int] = set()
    for module in modules():
        for name, value in vars(module).items():
            if not isinstance(value, Statement | Kept) or id(value) in seen or not _is_home(module, name):
                continue
            seen.add(id(value))
            home = f"{module.__name__.removeprefix('mercato.')}.{name}"
            if isinstance(value, Kept):
                found.update({f"{home}.{what}": statement for what, statement in value.statements.items()})
            else:
                found[home] = value
    return found


def _is_home(module: ModuleType, name: str) -> bool:
    """Whether the module itself makes the name, instead of importing it."""
    source = Path(str(module.__file__)).read_text("utf-8")
    return f"\n{name} = " in source or f"\n{name}: " in source
