"""The rules of accounts as figures."""

from contextlib import suppress
from email.headerregistry import Address

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mercato.contracts.users import Email
from mercato.services.users.domain import (
    FAILURE_WINDOW,
    MOST_FAILURES,
    address,
    address_key,
    pause_before_next,
)
from mercato.values.clock import SECOND

ATOM = st.text("abcXYZ0189!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=12)
LABEL = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9-]{0,10}[A-Za-z0-9])?", fullmatch=True)


@given(st.lists(ATOM, min_size=1, max_size=3), st.lists(LABEL, min_size=1, max_size=3))
def test_every_address_that_is_taken_can_be_written_into_a_header(local: list[str], domain: list[str]) -> None:
    text = f"{'.'.join(local)}@{'.'.join(domain)}"
    assert Address("Jo", addr_spec=address(f" {text} ")).addr_spec == text


@given(st.text(max_size=40))
def test_any_text_has_a_key_and_a_refused_address_a_reason(text: str) -> None:
    assert len(address_key(text)) == 64
    with suppress(msgspec.ValidationError):
        assert Address("", addr_spec=msgspec.convert(text, Email)).addr_spec == text


def test_addresses_are_compared_without_case_and_blanks() -> None:
    assert address_key(" Jo@EXAMPLE.org\n") == address_key("jo@example.org")
    assert address_key("jo@example.org") != address_key("jo@example.or")


@given(st.lists(st.integers(1, FAILURE_WINDOW), max_size=30), st.integers(10**12, 2 * 10**12))
def test_a_pause_ends_when_fewer_than_ten_failures_are_left_in_the_window(ages: list[int], now: int) -> None:
    failures = sorted((now - age for age in ages if age < FAILURE_WINDOW), reverse=True)[:MOST_FAILURES]
    pause = pause_before_next(failures, now)
    assert 0 <= pause <= FAILURE_WINDOW // SECOND
    later = now + pause * SECOND
    left = [failure for failure in failures if failure > later - FAILURE_WINDOW]
    assert len(left) < MOST_FAILURES
    if pause:
        earlier = later - SECOND
        assert len([failure for failure in failures if failure > earlier - FAILURE_WINDOW]) == MOST_FAILURES
