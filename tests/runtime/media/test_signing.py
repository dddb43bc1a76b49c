"""Signed addresses: a worked example, and that every part of a request is signed."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from mercato.runtime.media.signing import Asked, Place, signed

# A key and a secret that Amazon prints in its examples; they open nothing.
PLACE = Place("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "s3.amazonaws.com", "examplebucket")
AT = int(datetime(2013, 5, 24, tzinfo=UTC).timestamp() * 1_000)
ASKED = Asked("PUT", "sto_a/test.txt", {"content-type": "text/plain", "content-length": "7"}, AT, 86_400)


def test_an_address_names_its_credential_its_day_and_what_is_signed() -> None:
    head, _, signature = signed(PLACE, ASKED).rpartition("&X-Amz-Signature=")
    assert head == (
        "https://s3.amazonaws.com/examplebucket/sto_a/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=content-length%3Bcontent-type%3Bhost"
    )
    # The same request, signed by the maker's own library.
    assert signature == "8dc5a3a9a1eb4915d5c6803aa44f6f0aa0e60def7d96ca284450c6b952df1537"


@pytest.mark.parametrize(
    ("place", "asked"),
    [
        ({"secret": "another"}, {}),
        ({"bucket": "another"}, {}),
        ({"host": "s3.example"}, {}),
        ({"region": "eu-central-1"}, {}),
        ({}, {"method": "GET"}),
        ({}, {"key": "sto_b/test.txt"}),
        ({}, {"headers": {"content-type": "text/html", "content-length": "7"}}),
        ({}, {"headers": {"content-type": "text/plain", "content-length": "8"}}),
        ({}, {"headers": {"content-type": "text/plain"}}),
        ({}, {"at": AT + 1_000}),
        ({}, {"seconds": 86_399}),
    ],
)
def test_another_request_has_another_signature(place: dict[str, Any], asked: dict[str, Any]) -> None:
    first = signed(PLACE, ASKED)
    second = signed(msgspec.structs.replace(PLACE, **place), msgspec.structs.replace(ASKED, **asked))
    assert first.rpartition("=")[2] != second.rpartition("=")[2]


def test_an_address_is_never_valid_for_no_time_or_for_longer_than_servers_take() -> None:
    for seconds, valid in ((-5, 1), (0, 1), (10**9, 604_800)):
        assert f"X-Amz-Expires={valid}&" in signed(PLACE, msgspec.structs.replace(ASKED, seconds=seconds))


def test_the_secret_is_in_no_text_of_a_place() -> None:
    assert PLACE.secret not in f"{PLACE} {PLACE!r}"
