"""Single values of an import file, checked against the limits of the product contract and turned into ours.

Every function takes the name of the column for its report and raises Rejected, with the reason, for a value that cannot
be taken in.
"""

import re
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from mercato.contracts.catalog import Status
from mercato.services.catalog.adapters.html import clean_html
from mercato.services.catalog.domain import SafeHtml
from mercato.values.money import parse_amount

MAX_TITLE = 500
MAX_TEXT = 500
MAX_NAME = 100
MAX_OPTION_VALUE = 255
MAX_SKU = 120
MAX_BARCODE = 60
MAX_URL = 2_000
MAX_TAG = 255
MAX_SPEC_NAME = 200
MAX_SPEC_VALUE = 20_000
MAX_CATEGORY = 120
MAX_DEPTH = 20
MAX_FIGURE = 10**9

MAX_VARIANTS = 2_000
MAX_IMAGES = 250
MAX_SPECS = 250
MAX_TAGS = 250
MAX_OPTIONS = 3

STATUSES: dict[str, Status] = {"draft": "draft", "active": "active", "archived": "archived"}

_HANDLE = re.compile(r"[^\s/?#%\x00-\x1f]{1,255}")
_URL = re.compile(r"(?:https?://[^/\s]|/[^/\s])[^\s\x00-\x1f]*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PRICE = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?")
_PRICE_LENGTH = 28  # parse_amount computes with as many digits: of no longer number it loses any
_WHOLE = re.compile(r"([+-]?[0-9]{1,18})(?:\.0{0,18})?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(?:\.[0-9]{0,18})?")
_SHOWN = 40


class Rejected(Exception):
    """A value that cannot be taken in: its row is left out."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(column, reason)
        self.column = column
        self.reason = reason


def shown(value: str) -> str:
    """A value as a report quotes it: on one line and short."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")


def text(value: str, column: str, limit: int) -> str:
    if not value:
        return value
    value = value.strip()
    if len(value) > limit:
        raise Rejected(column, f"has {len(value):,} characters: at most {limit:,} fit")
    if "\0" in value:
        raise Rejected(column, "holds a NUL character")
    return value


def required(value: str, column: str, limit: int) -> str:
    value = text(value, column, limit)
    if not value:
        raise Rejected(column, "is empty")
    return value


def handle(value: str, column: str) -> str:
    value = value.strip()
    if not value:
        raise Rejected(column, "is empty")
    if not _HANDLE.fullmatch(value):
        raise Rejected(column, f"{shown(value)} cannot stand in an address: up to 255 characters, no space, / ? # or %")
    return value


def html(value: str, column: str) -> SafeHtml:
    if "\0" in value:
        raise Rejected(column, "holds a NUL character")
    try:
        return clean_html(value.strip())
    except ValueError as error:
        raise Rejected(column, str(error)) from None


def amount(value: str, currency: str, column: str) -> int | None:
    """Minor units of `currency`; None for an empty text."""
    if not value or not (value := value.strip()):
        return None
    if len(value) > _PRICE_LENGTH or not _PRICE.fullmatch(value):
        raise Rejected(column, f"{shown(value)} is not a number such as 12.50")
    try:
        return _minor_units(value, currency)
    except ValueError as error:
        raise Rejected(column, str(error)) from None


# Most shops have few different prices and weights, and reading one takes longer than looking it up.
_minor_units = lru_cache(maxsize=4_096)(parse_amount)


@lru_cache(maxsize=4_096)
def _whole_grams(value: str) -> int:
    return int(Decimal(value).to_integral_value(rounding=ROUND_HALF_EVEN))


def whole(value: str, column: str) -> int:
    """A whole number of any sign; "3.0" is 3."""
    match = _WHOLE.fullmatch(value.strip())
    if match is None:
        raise Rejected(column, f"{shown(value)} is not a whole number")
    number = int(match[1])
    if abs(number) > MAX_FIGURE:
        raise Rejected(column, f"{shown(value)} is too large: at most {MAX_FIGURE:,}")
    return number


def grams(value: str, column: str) -> int:
    """A weight, rounded half to even to whole grams; 0 for an empty text."""
    if not value or not (value := value.strip()):
        return 0
    if not _NUMBER.fullmatch(value):
        raise Rejected(column, f"{shown(value)} is not a weight in grams such as 250")
    number = _whole_grams(value)
    if not 0 <= number <= MAX_FIGURE:
        raise Rejected(column, f"{shown(value)} is no possible weight in grams")
    return number


def url(value: str, column: str) -> str:
    """The address of a picture: on the web, or a path of this shop; "" for an empty text."""
    if not value:
        return value
    value = text(value, column, MAX_URL)
    if value and not _URL.fullmatch(value):
        raise Rejected(column, f"{shown(value)} is not an address such as https://example.com/shirt.jpg")
    return value


def tags(values: list[str], column: str) -> tuple[str, ...]:
    """The tags in their order, each once."""
    unique = tuple(dict.fromkeys(filter(None, (text(value, column, MAX_TAG) for value in values))))
    return at_most(MAX_TAGS, unique, column, "tags")


def category_path(names: list[str], column: str) -> tuple[str, ...]:
    """The names of a category and those above it, from the root."""
    path = tuple(filter(None, (text(name, column, MAX_CATEGORY) for name in names)))
    if any(_CONTROL.search(name) for name in path):
        raise Rejected(column, "holds a control character, such as a line break")
    return at_most(MAX_DEPTH, path, column, "levels")


def at_most(limit: int, values: tuple[str, ...], column: str, what: str) -> tuple[str, ...]:
    if len(values) > limit:
        raise Rejected(column, f"has {len(values):,} {what}: at most {limit:,} fit")
    return values


def status(value: str, column: str) -> Status:
    known = STATUSES.get(value.strip().casefold())
    if known is None:
        raise Rejected(column, f"{shown(value)} is none of draft, active, archived")
    return known
