"""Templates: one environment, made once, that escapes everything by itself."""

from html import escape
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from minijinja import Environment, safe

from mercato.frontends.storefront.formats import Formats
from mercato.frontends.storefront.texts import LABELS, ORDER_STATUS, PAYMENT_STATE

_HOME = "mercato.frontends.storefront"


class Renderer:
    """Renders templates by name. What is undefined in a template is an error, not an empty text."""

    def __init__(self, formats: Formats, assets: dict[str, str]) -> None:
        folder = files(_HOME) / "templates"
        self._environment = Environment(
            templates={entry.name: entry.read_text("utf-8") for entry in folder.iterdir() if entry.name[0] != "."},
            filters={"segment": _segment, "address": _address, "country": formats.country},
            globals={
                "money": formats.money,
                "day": formats.day,
                "minute": formats.minute,
                "clock": formats.clock,
                "language": formats.language,
                "assets": {name: safe(address) for name, address in assets.items()},
                "labels": LABELS,
                "order_status": ORDER_STATUS,
                "payment_state": PAYMENT_STATE,
            },
            undefined_behavior="strict",
            trim_blocks=True,
            lstrip_blocks=True,
            debug=False,
        )

    def render(self, template: str, values: dict[str, Any]) -> bytes:
        return self._environment.render_template(template, **values).encode()


def _segment(text: str) -> str:
    """Text as one segment of a path, or as a value in a query string."""
    return safe(quote(text, safe=""))


def _address(url: str) -> str:
    """An address for an attribute, escaped without the character references for slashes that text gets."""
    return safe(escape(url))
