"""How the test gateway's notices reach the shop: as a real gateway's would, by a POST to the webhook's address."""

import asyncio

from mercato.services.payments.adapters.test_gateway import SIGNATURE

TIMEOUT = 5.0  # seconds
PAUSES = (0.2, 1.0, 5.0)  # seconds until a notice that was not taken is sent again


class PostNotice:
    """Posts notices to `url`. One that is never taken is given up: the shop asks about open charges anyway."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def __call__(self, body: bytes, signature: str) -> None:
        headers = {SIGNATURE.decode(): signature, "Content-Type": "application/json"}
        for pause in (*PAUSES, None):
            if await self._is_taken(body, headers) or pause is None:
                return
            await asyncio.sleep(pause)

    async def _is_taken(self, body: bytes, headers: dict[str, str]) -> bool:
        import aiohttp

        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as session,
                session.post(self._url, data=body, headers=headers) as reply,
            ):
                return reply.ok
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
