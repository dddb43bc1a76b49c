"""A client of the shop: sends requests as a good program does, repeats them with their keys, notes what it hears."""

import asyncio
import random
from http import HTTPStatus
from typing import Any

import msgspec

from mercato.apps.simulate.findings import Fail
from mercato.apps.simulate.history import History, Who
from mercato.apps.simulate.network import Answer, Lost, Network, written
from mercato.apps.simulate.trace import Trace
from mercato.apps.simulate.weather import Weather

TRIES = 150  # of one request: longer than a charge whose outcome is unknown may be left alone (five minutes)
FIRST_PAUSE = 0.2  # seconds
LONGEST_PAUSE = 4.0
PATIENCE = 120  # seconds of a Retry-After: who is told to come back later than that leaves

_AGAIN = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


class Around(msgspec.Struct):
    """What clients live in."""

    network: Network
    history: History
    trace: Trace
    weather: Weather
    fail: Fail
    handles: tuple[str, ...]
    quotes: dict[str, str] = {}  # the latest of each buyer, signed
    done: "list[Done]" = []
    erased: "list[Erased]" = []
    calm: bool = False

    def other(self, handle: str) -> str:
        """The handle of another store."""
        return next(known for known in self.handles if known != handle)


class How(msgspec.Struct, frozen=True):
    """How a request is sent: its key, the seconds that it prefers to wait, without the token, only for a version, only
    if it is not known already, to another store. `odd`: no good program sends it, it must be refused."""

    key: str = ""
    wait: int = 0
    anonymous: bool = False
    if_match: str = ""
    if_none_match: str = ""
    elsewhere: bool = False
    odd: bool = False


class Erased(msgspec.Struct, frozen=True):
    """Somebody who had an account erased."""

    store: str
    user_id: str
    email: str


class Done(msgspec.Struct, frozen=True):
    """A request with a key that has succeeded: it may be sent again for a day, and is answered as the first time."""

    client: "Client"
    method: str
    path: str
    body: Any
    key: str


class Client:
    """Somebody with a token. Every name has its own chance, so that one more person changes nobody else's story."""

    def __init__(self, around: Around, who: Who, token: str, randomness: random.Random) -> None:
        self.around = around
        self.who = who
        self.token = token
        self.random = randomness
        self.peer = f"198.51.{randomness.randint(0, 255)}.{randomness.randint(1, 254)}"
        self.first_key = ""  # what the keys of a second client of the same person begin with
        self._keys = 0

    def new_key(self) -> str:
        """Others use the same keys: a key is one sender's, for one route."""
        self._keys += 1
        return f"{self.first_key}key-{self._keys}"

    async def send(self, method: str, path: str, body: Any = None, **how: Any) -> Answer:
        """Send a request once; `how` has the fields of How. Raises Lost."""
        return await self._send(method, path, body, How(**how))

    async def _send(self, method: str, path: str, body: Any, how: "How") -> Answer:
        around = self.around
        content = b"" if body is None else msgspec.json.encode(body)
        path_only, _, _ = path.partition("?")
        sent = around.history.sending(self.who, method, path_only, how.key, odd=how.odd)
        around.trace.note(self.who.name, "asks", method, path, how.key, content)
        data = self._written(method, path, content, how)
        process = around.network.process if around.history.calm else None
        try:
            answer = await around.network.send(self.peer, data, how.wait)
        except Lost:
            around.trace.note(self.who.name, "hears nothing", method, path)
            if process is not None and process is around.network.process:
                around.fail(
                    "I16", f"{method} {path} of {self.who.name}", "it was not answered, and nothing fails any more"
                )
            raise
        around.trace.note(self.who.name, "hears", answer.status, answer.body)
        around.history.heard(sent, answer)
        if how.key and not how.odd and answer.status in (HTTPStatus.OK, HTTPStatus.CREATED):
            around.done.append(Done(self, method, path, body, how.key))
        return answer

    async def insist(self, method: str, path: str, body: Any = None, **how: Any) -> Answer | None:
        """Send a request until it is answered for good; None when the client gives up before. `how` as for send."""
        pause = FIRST_PAUSE
        for _ in range(TRIES):
            try:
                answer = await self.send(method, path, body, **how)
                if answer.status not in _AGAIN and answer.code != "idempotency_key_in_flight":
                    return answer
                if int(answer.headers.get("retry-after", 0)) > PATIENCE:
                    return answer  # as after too many wrong passwords
            except Lost:
                if not self.around.calm and self.random.random() < self.around.weather.impatience:
                    return None
            await self.think(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        self.around.fail("I16", f"{method} {path} of {self.who.name}", f"it was never answered in {TRIES} tries")
        return None

    async def get(self, path: str) -> Any:
        """What a GET answers; None when there is no such thing or nobody answers."""
        answer = await self.insist("GET", path)
        return answer.json() if answer is not None and answer.status == HTTPStatus.OK else None

    async def think(self, seconds: float) -> None:
        """Do nothing for about so long."""
        await asyncio.sleep(self.random.uniform(0.2, 1.8) * seconds)

    def does(self, share: float) -> bool:
        return self.random.random() < share

    def _written(self, method: str, path: str, content: bytes, how: "How") -> bytes:
        headers = {"host": f"{self.who.store.handle}.example"}
        if how.elsewhere:
            headers["host"] = f"{self.around.other(self.who.store.handle)}.example"
        elif self.does(0.1):
            headers["host"] = "shop.example"
            path = f"/s/{self.who.store.handle}{path}"
        if self.token and not how.anonymous:
            headers["authorization"] = f"Bearer {self.token}"
        if content:
            headers["content-type"] = "application/json"
        if how.key:
            headers["idempotency-key"] = how.key
        if how.if_match:
            headers["if-match"] = how.if_match
        if how.if_none_match:
            headers["if-none-match"] = how.if_none_match
        if how.wait:
            headers["prefer"] = f"wait={how.wait}"
        return written(method, path, headers, content)
