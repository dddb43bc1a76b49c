"""What the files below schemas/ must say, made from the code."""

import inspect
import json
from typing import Any

import msgspec

from mercato import __version__
from mercato.runtime.http.openapi import describe
from mercato.values.messages import Event
from tools.check.project import modules, with_services


def generated() -> dict[str, str]:
    """The content of each file, by its path below schemas/."""
    routes = with_services(lambda services: tuple(route for service in services for route in service.routes))
    files = {"openapi.json": _text(describe(routes, __version__))}
    for event in events():
        schema = msgspec.json.schema(event)
        files[f"events/{event.__name__}.v{event.version}.json"] = _text(schema)
    return files


def events() -> list[type[Event]]:
    """All events of the contracts."""
    found = {
        value
        for module in modules()
        if module.__name__.startswith("mercato.contracts.")
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Event) and value is not Event
    }
    return sorted(found, key=lambda event: event.__name__)


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
