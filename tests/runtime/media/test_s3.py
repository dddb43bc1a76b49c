"""The S3 engine against a real server: the one that is up, or that MERCATO_TEST_S3 names as MERCATO_MEDIA would. Its
bucket is made here."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import msgspec
import pytest
from yarl import URL

from mercato.runtime.media.opening import place_of
from mercato.runtime.media.s3 import S3Media
from mercato.runtime.media.signing import Asked, Place, signed
from mercato.runtime.media.store import MediaFault, MediaWrong, UploadTicket
from mercato.values.clock import SystemClock
from mercato.values.ids import Ids
from tests.runtime.media.contract import CONTENT, Harbour, MediaContract
from tools.engines import running

_UP = running().get("s3")
SERVER = os.environ.get("MERCATO_TEST_S3") or (f"{_UP.url}-media" if _UP is not None else "")

needs_server = [
    pytest.mark.server,
    pytest.mark.skipif(not SERVER, reason="no S3 server is up, and MERCATO_TEST_S3 names none"),
]


@pytest.fixture
async def place() -> Place:
    place = place_of(SERVER)
    await make_bucket(place)
    return place


@pytest.fixture
async def harbour(place: Place) -> AsyncIterator[Harbour]:
    clock = SystemClock()
    media = S3Media(place, clock)
    async with aiohttp.ClientSession() as http:

        async def send(ticket: UploadTicket, content: bytes, wait: int = 0) -> bool:
            await asyncio.sleep(wait)
            url = URL(ticket.url, encoded=True)
            try:
                async with http.request(ticket.method, url, data=BytesIO(content), headers=ticket.headers) as reply:
                    assert reply.status in (200, 400, 403), await reply.text()
                    return reply.status == 200
            except aiohttp.ClientOSError:
                return False  # a server need not read to its end what is longer than it takes

        yield Harbour(media, clock, send, Ids(clock).new("sto")[-12:])
    await media.close()


async def make_bucket(place: Place) -> None:
    """Make the bucket, unless it is there."""
    url = signed(place, Asked("PUT", "", {}, SystemClock().now(), 60))
    async with aiohttp.ClientSession() as http, http.put(URL(url, encoded=True)) as reply:
        assert reply.status in (200, 409), await reply.text()


class TestS3(MediaContract):
    """The contract."""

    pytestmark = needs_server

    async def test_what_is_shown_is_kept_with_all_that_its_origin_must_say(
        self, harbour: Harbour, place: Place
    ) -> None:
        await harbour.media.put(harbour.key("a.webp"), CONTENT, "image/webp")
        url = signed(place, Asked("GET", harbour.key("a.webp"), {}, harbour.clock.now(), 60))
        async with aiohttp.ClientSession() as http, http.get(URL(url, encoded=True)) as reply:
            assert reply.headers["content-type"] == "image/webp"
            assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert reply.headers["content-disposition"] == "attachment"

    async def test_a_method_that_was_not_signed_is_refused(self, harbour: Harbour) -> None:
        await harbour.media.put(harbour.key("a.webp"), CONTENT, "image/webp")
        ticket = harbour.ticket("a.webp")
        async with aiohttp.ClientSession() as http:
            for method in ("GET", "DELETE"):
                async with http.request(method, URL(ticket.url, encoded=True), headers=ticket.headers) as reply:
                    assert reply.status == 403
        assert await harbour.media.get(harbour.key("a.webp")) == CONTENT

    @pytest.mark.parametrize(
        ("wrong", "told"),
        [
            ({"bucket": "there-is-none"}, "there is no such bucket; make it, or correct its name in MERCATO_MEDIA"),
            ({"key": "nobody"}, "it does not know the key; correct the one in MERCATO_MEDIA"),
            ({"secret": "wrong"}, "the secret does not fit the key; correct the one in MERCATO_MEDIA"),
        ],
    )
    async def test_a_server_that_refuses_to_be_used_is_told_at_the_start(
        self, place: Place, wrong: dict[str, str], told: str
    ) -> None:
        place = msgspec.structs.replace(place, **wrong)
        media = S3Media(place, SystemClock())
        with pytest.raises(MediaWrong, match=re.escape(f"S3 bucket {place.bucket} at {place.host} refuses")) as raised:
            await media.check()
        assert str(raised.value).endswith(told)
        await media.close()


async def test_a_server_that_is_not_there_is_told_without_its_secret() -> None:
    media = S3Media(Place("key", "the-secret", "127.0.0.1:1", "bucket", tls=False), SystemClock())
    with pytest.raises(
        MediaFault, match=r"S3 bucket bucket at 127\.0\.0\.1:1 does not answer \(Connection refused\)"
    ) as raised:
        await media.check()
    assert not isinstance(raised.value, MediaWrong)
    assert "the-secret" not in str(raised.value)
    await media.close()
