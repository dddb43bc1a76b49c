"""Amounts, times and countries as people read them."""

import pytest

from mercato.frontends.storefront.formats import Formats

MARCH = 1_741_010_520_000  # 3 March 2025, 14:02 UTC


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123_456_789, "EUR", "€1,234,567.89"),
        (5, "EUR", "€0.05"),
        (0, "EUR", "€0.00"),
        (-250, "USD", "-$2.50"),
        (1500, "JPY", "¥1,500"),
        (1500, "KWD", "KWD\xa01.500"),
        (10**15, "EUR", "€10,000,000,000,000.00"),
        (1500, "IQD", "IQD\xa01.500"),
        (1500, "ISK", "ISK\xa01,500"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(amount: int, currency: str, text: str) -> None:
    assert Formats("en").money(amount, currency) == text


def test_a_moment_is_told_in_the_store_s_time_zone() -> None:
    formats = Formats("en")
    assert formats.minute(MARCH, "UTC") == "3 March 2025, 14:02"
    assert formats.minute(MARCH, "Europe/Berlin") == "3 March 2025, 15:02"
    assert formats.day(MARCH, "Pacific/Auckland") == "4 March 2025"
    assert formats.clock(MARCH, "No/Where") == "14:02"


def test_countries_are_countries() -> None:
    countries = dict(Formats("en").countries())
    assert countries["DE"] == "Germany"
    assert not {"EU", "UN", "ZZ", "150"} & set(countries)
    assert 240 < len(countries) < 255
    assert list(countries.values()) == sorted(countries.values())
    assert Formats("en").country("AT") == "Austria"
    assert Formats("en").country("??") == "??"
