"""Media in a bucket of an S3 server: Amazon's, or any that speaks its protocol.

Each request goes to an address that was signed for it alone, our own as well as those of uploads.
"""

import os
from collections.abc import Mapping
from http import HTTPStatus
from io import BytesIO

import aiohttp
from yarl import URL

from mercato.runtime.media.signing import Asked, Place, signed
from mercato.runtime.media.store import LARGEST, PATH, Expected, MediaFault, MediaWrong, UploadTicket, checked
from mercato.values.clock import SECOND, Clock
from mercato.values.messages import NotFound

TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5, sock_read=20)  # seconds
VALID = 300  # seconds for which an address of our own requests admits them
FOREVER = "public, max-age=31536000, immutable"
PROBE = "mercato/check"  # no store has such an id

_GOOD = range(200, 300)
_TOLD = 500  # characters of a server's words that are passed on


class S3Media:
    """`public` is where browsers find what is shown: the bucket's own address or a CDN's; "": the shop fetches it."""

    def __init__(self, place: Place, clock: Clock, public: str = "") -> None:
        self.name = f"S3 bucket {place.bucket} at {place.host}"
        self._place = place
        self._clock = clock
        self._public = public
        self._session: aiohttp.ClientSession | None = None

    async def check(self) -> None:
        """Write and delete a small file: that is all that will ever be needed."""
        try:
            await self.put(PROBE, b"", "application/octet-stream")
            await self.delete(PROBE)
        except _Answered as answer:
            if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise MediaWrong(f"{self.name} refuses to be used: {_meaning(answer)}") from None
            raise

    async def put(self, key: str, content: bytes, content_type: str) -> None:
        headers = {"content-type": content_type, "cache-control": FOREVER, "content-disposition": "attachment"}
        await self._send("PUT", key, headers, content)

    async def get(self, key: str) -> bytes:
        try:
            return await self._send("GET", key)
        except _Answered as answer:
            if answer.status == HTTPStatus.NOT_FOUND:
                raise NotFound("there is no such file") from None
            raise

    async def delete(self, key: str) -> None:
        try:
            await self._send("DELETE", key)
        except _Answered as answer:
            if answer.status != HTTPStatus.NOT_FOUND:
                raise

    def presign_upload(self, expected: Expected) -> UploadTicket:
        """The number of bytes is signed with the rest. Programs send that header by themselves, browsers always do."""
        headers = {"content-type": expected.content_type}
        begin = min(self._clock.now(), expected.expires_at - SECOND)  # what has expired already is signed as such
        seconds = (expected.expires_at - begin) // SECOND
        length = {"content-length": str(expected.size)}
        url = signed(self._place, Asked("PUT", checked(expected.key), {**headers, **length}, begin, seconds))
        return UploadTicket("PUT", url, headers, expected.expires_at)

    def url_of(self, key: str) -> str:
        return f"{self._public}/{key}" if self._public else f"{PATH}{key}"

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send(
        self, method: str, key: str, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> bytes:
        """The body of the answer. Raises MediaFault, as _Answered where the server has said no."""
        given = dict(headers or {})
        url = signed(self._place, Asked(method, checked(key), given, self._clock.now(), VALID))
        data = None if content is None else BytesIO(content)  # it is sent in pieces
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=False)
        try:
            async with self._session.request(
                method, URL(url, encoded=True), data=data, headers=given, allow_redirects=False
            ) as reply:
                body = await self._body(reply)
                if reply.status not in _GOOD:
                    raise _Answered(self.name, reply.status, body)
                return body
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise MediaFault(f"{self.name} does not answer ({_reason(error)})") from error

    async def _body(self, reply: aiohttp.ClientResponse) -> bytes:
        body = bytearray()
        async for chunk in reply.content.iter_any():
            body += chunk
            if len(body) > LARGEST:
                raise MediaFault(f"{self.name} holds a file that is larger than any that is kept there")
        return bytes(body)


class _Answered(MediaFault):
    """The server has answered, but not with what was asked for."""

    def __init__(self, name: str, status: int, body: bytes) -> None:
        text = body[:_TOLD].decode("utf-8", "replace")
        self.status = status
        self.code = text.partition("<Code>")[2].partition("</Code>")[0]
        super().__init__(f"{name} answered {status} {self.code}")


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    return os.strerror(number) if number and number > 0 else str(error) or type(error).__name__


def _meaning(answer: _Answered) -> str:
    """What to do about an answer at the start."""
    meanings = {
        "NoSuchBucket": "there is no such bucket; make it, or correct its name in MERCATO_MEDIA",
        "InvalidAccessKeyId": "it does not know the key; correct the one in MERCATO_MEDIA",
        "SignatureDoesNotMatch": "the secret does not fit the key; correct the one in MERCATO_MEDIA",
        "AccessDenied": "the key may not write and delete there; give it s3:PutObject, s3:GetObject, s3:DeleteObject",
        "RequestTimeTooSkewed": "its clock and this machine's differ too much; set this one right",
        "AuthorizationHeaderMalformed": "it is in another region; name it in MERCATO_MEDIA as in ?region=eu-central-1",
        "PermanentRedirect": "the bucket is at another address or in another region; correct MERCATO_MEDIA",
    }
    return meanings.get(answer.code, f"it answers {answer.status} {answer.code}; correct MERCATO_MEDIA")
