"""How amounts and times are written for people, by Babel."""

from copy import copy
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import NumberPattern

from mercato.values.clock import SECOND
from mercato.values.money import decimals

REMEMBERED = 8_192

# Codes of Babel's list of territories to which nothing can be delivered: groups of countries, and codes for tests.
_NO_COUNTRIES = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())


class Formats:
    """Formats of one language. Amounts are minor units of their currency."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._locale = Locale.parse(language)
        self.money = lru_cache(REMEMBERED)(self._money)
        self.countries = cache(self._countries)
        self._pattern = lru_cache(64)(self._make_pattern)

    def day(self, at: int, zone: str) -> str:
        """The calendar day of a moment in a time zone: 3 March 2025."""
        return format_date(_moment(at, zone), "d MMMM y", locale=self._locale)

    def minute(self, at: int, zone: str) -> str:
        """A moment in a time zone to the minute: 3 March 2025, 14:02."""
        return f"{self.day(at, zone)}, {self.clock(at, zone)}"

    def clock(self, at: int, zone: str) -> str:
        """The time of day in a time zone: 14:02."""
        return format_time(_moment(at, zone).timetz(), "HH:mm", locale=self._locale)

    def _countries(self) -> list[tuple[str, str]]:
        """Codes and names of all countries, by name."""
        territories: dict[str, str] = dict(self._locale.territories)
        countries = [pair for pair in territories.items() if _is_country(pair[0])]
        return sorted(countries, key=lambda pair: pair[1])

    def country(self, code: str) -> str:
        return str(self._locale.territories.get(code, code))

    def _money(self, amount: int, currency: str) -> str:
        value = Decimal(amount).scaleb(-decimals(currency))
        pattern: NumberPattern = self._pattern(currency)
        text: str = pattern.apply(value, self._locale, currency=currency, currency_digits=False)
        return text

    def _make_pattern(self, currency: str) -> NumberPattern:
        """The locale's pattern with the decimals that amounts have here: Babel's own are for cash in some countries."""
        pattern: NumberPattern = copy(self._locale.currency_formats["standard"])
        pattern.frac_prec = (decimals(currency), decimals(currency))
        symbol = self._locale.currency_symbols.get(currency, currency)
        if symbol[-1:].isalpha():
            # Letters do not touch figures: "KWD 1.500" beside "€1.50".
            positive, negative = pattern.prefix
            pattern.prefix = (positive.replace("¤", "¤\xa0"), negative.replace("¤", "¤\xa0"))
        return pattern


def _is_country(code: str) -> bool:
    """Whether a territory's code is that of a country (ISO 3166-1 alpha-2) and not of a part of the world."""
    return len(code) == len("DE") and code.isalpha() and code not in _NO_COUNTRIES


def _moment(at: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at / SECOND, _zone(zone))


@lru_cache(256)
def _zone(name: str) -> tzinfo:
    """A time zone; UTC for one that this machine does not know."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
