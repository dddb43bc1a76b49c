"""A real shop on a loopback port, and the people who come to it: what a journey is made of.

Everything is as `mercato run` puts it together but the clock, which stands until a journey moves it on.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from mercato.apps.listening import free_ports
from mercato.apps.shop import Shop, make_parts
from mercato.apps.verify.report import find_differences
from mercato.contracts.catalog import CreateProduct, GetProduct, Option, ProductDraft, VariantDraft
from mercato.contracts.inventory import GetStock, VariantStock
from mercato.contracts.pricing import Rates, SetPrices, SetRates
from mercato.contracts.stores import MakeApiKey, OpenStore
from mercato.contracts.users import (
    BeginLogIn,
    EmailVerificationAsked,
    InvalidToken,
    IssueToken,
    OpenSession,
    SignUp,
    VerifyEmail,
)
from mercato.runtime.batches.executor import Executor
from mercato.runtime.database import tables
from mercato.runtime.settings import Settings
from mercato.services.orders.jobs import expire_unpaid_orders
from mercato.values.clock import ManualClock
from mercato.values.commerce import PricedVariant
from mercato.values.ids import Ids, ProductId, StoreId, TokenId, VariantId
from mercato.values.messages import Caller
from tests.services.conftest import until

ADDRESS = {"name": "Ann Buyer", "street": "Market Street 1", "city": "Leipzig", "country": "DE"}
HASH = "$argon2id$v=19$m=19456,t=2,p=1$bm90IGEgcmVhbCBoYXNo$bm8gcGFzc3dvcmQgZml0cyB0aGlzIG9uZQ"
RATES = Rates("EUR", tax_millionths=190_000, tax_included=True, shipping=490)


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        return str(self.json()["code"])

    @property
    def refused(self) -> tuple[int, str, str]:
        """Status, code and Retry-After of a refusal."""
        return self.status, self.code, self.headers.get("retry-after", "")


class Person:
    """Somebody who sends requests; `prefix` names the store."""

    def __init__(self, town: "Town", token: str = "", user_id: str = "", prefix: str = "") -> None:
        self.town = town
        self.token = token
        self.id = user_id
        self.prefix = prefix
        self._keys = 0

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            named.setdefault("Authorization", f"Bearer {self.token}")
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else msgspec.json.encode(body)
            named["Content-Type"] = "application/json"
        url = self.town.url + self.prefix + path
        async with self.town.http.request(method, url, data=data, headers=named) as reply:
            named = {name.lower(): value for name, value in reply.headers.items()}
            return Answer(reply.status, named, await reply.read())

    async def get(self, path: str) -> Any:
        answer = await self.send("GET", path)
        assert answer.status == 200, answer.body
        return answer.json()

    async def add(self, variant_id: str, quantity: int = 1) -> Any:
        answer = await self.send("POST", "/v1/cart/add", {"variant_id": variant_id, "quantity": quantity})
        assert answer.status == 200, answer.body
        return answer.json()

    async def quote(self, **more: Any) -> Any:
        answer = await self.send("POST", "/v1/cart/quote", {"destination": ADDRESS, **more})
        assert answer.status == 200, answer.body
        return answer.json()

    async def order(self, signed: str, key: str = "", *, wait: int = 10) -> Answer:
        headers = {"Idempotency_Key": key or self._key("order")}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        return await self.send("POST", "/v1/orders", {"quote": signed}, **headers)

    async def placed(self, variant_id: str, quantity: int = 1) -> Any:
        """An order of so many pieces, with its stock reserved, which waits for its payment."""
        await self.add(variant_id, quantity)
        answer = await self.order((await self.quote())["signed"])
        assert (answer.status, answer.json()["stage"]) == (201, "payment_due"), answer.body
        return answer.json()

    async def pay(self, order_id: str, source: str = "approve", key: str = "", *, wait: int = 10) -> Answer:
        headers = {"Idempotency_Key": key or self._key("pay")}
        if wait:
            headers["Prefer"] = f"wait={wait}"
        return await self.send("POST", "/v1/payments/pay", {"order_id": order_id, "source": source}, **headers)

    async def bought(self, variant_id: str, quantity: int = 1) -> Any:
        """A paid order."""
        order = await self.placed(variant_id, quantity)
        paid = await self.pay(order["id"])
        assert (paid.status, paid.json()["order"]["status"]) == (201, "paid"), paid.body
        return await self.get(f"/v1/orders/{order['id']}")

    async def cancel(self, order_id: str) -> Answer:
        return await self.send("POST", f"/v1/orders/{order_id}/cancellation")

    def _key(self, what: str) -> str:
        self._keys += 1
        return f"{what}-{self._keys}"


class Town:
    """A store with a shop in it, in one process or in several. `shop` is the one that people come to, `store` the id of
    the store."""

    def __init__(self, shops: Sequence[Shop], clock: ManualClock, http: aiohttp.ClientSession) -> None:
        self.shops = shops
        self.shop = shop = shops[-1]
        self.clock = clock
        self.http = http
        self.url = shop.settings.url
        self.calls = shop.node.calls
        self.store = ""
        self._tokens: dict[str, TokenId] = {}
        shop.node.on(EmailVerificationAsked, lambda _envelope, event: self._note(event))

    def executors(self, service: str = "") -> list[Executor]:
        """Those of a service, or all: one for each process that runs it."""
        nodes = [shop.node for shop in self.shops]
        return [each for node in nodes for name, each in node.executors.items() if service in ("", name)]

    def data(self, service: str) -> Path:
        """The data folder of the process that runs a service."""
        return next(shop.settings.data for shop in self.shops if service in shop.node.executors)

    def pause(self, service: str) -> None:
        """The service does nothing more."""
        for executor in self.executors(service):
            executor._paused = True

    def resume(self, service: str) -> None:
        for executor in self.executors(service):
            executor._paused = False
            for source in executor.feeds:
                executor.look_again(source)

    async def open(self, handle: str, name: str, **settings: Any) -> str:
        store = StoreId(f"sto_{handle}")
        await self.calls.do(OpenStore(store, handle, name, "EUR", **settings), self.system(store))
        await self.calls.do(SetRates(RATES), self.system(store))
        return store

    def system(self, store: str = "") -> Caller:
        return Caller.system(store or self.store, "journey")

    async def product(self, handle: str, *, price: int = 1_000, stock: int = 10, store: str = "") -> list[VariantId]:
        """A product in two sizes; the ids of its variants, which are for sale when this returns."""
        caller = self.system(store)
        variants = tuple(VariantDraft((size,), price=price, stock_change=stock) for size in ("S", "L"))
        draft = ProductDraft(
            handle, handle.title(), "EUR", variants, options=(Option("Size", ("S", "L")),), status="active"
        )
        product = await self.calls.do(CreateProduct(ProductId(self.shop.parts.ids.new("prod")), draft), caller)
        await self.quiet()
        shown = await self.calls.ask(GetProduct(product.id), caller)
        assert [(variant.price, variant.available) for variant in shown.variants] == [(price, stock)] * 2
        return [variant.id for variant in shown.variants]

    async def price(self, variant_id: str, amount: int) -> None:
        command = SetPrices(ProductId("prod_any"), "EUR", (PricedVariant(VariantId(variant_id), amount),))
        await self.calls.do(command, self.system())
        await self.quiet()

    async def person(self, name: str, store: str = "", prefix: str = "") -> Person:
        """Somebody signed in, by messages: a password's hash takes its time."""
        caller, email = self.system(store), f"{name}@example.org"
        await self.calls.do(SignUp(email, name.title(), HASH), caller)
        user_id = await self._confirmed(caller)
        begun = await self.calls.do(BeginLogIn("192.0.2.1", "journey", user_id=user_id), caller)
        session = await self.calls.do(OpenSession(user_id, HASH, begun.attempt_id), caller)
        return Person(self, session.token, user_id, prefix)

    async def staff(self, store: str = "", prefix: str = "") -> Person:
        key = await self.calls.do(MakeApiKey("journey"), self.system(store))
        return Person(self, key.secret, prefix=prefix)

    async def stock(self, variant_id: str, store: str = "") -> VariantStock:
        return await self.calls.ask(GetStock(VariantId(variant_id)), self.system(store))

    async def figures(self, variant_id: str) -> tuple[int, int, int]:
        """Pieces available, reserved and sold; apart, once inventory has heard of all that was done."""
        if len(self.shops) > 1:
            await self.quiet()
        (level,) = (await self.stock(variant_id)).levels
        return level.available, level.reserved, level.sold

    async def expire(self) -> None:
        """What the job does every few seconds."""
        await expire_unpaid_orders(self.calls, self.clock.now())
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until every event has had its effect and nothing is being called."""
        for _ in range(3):
            await until(self._is_still)
            await asyncio.sleep(0.005)

    def _is_still(self) -> bool:
        for executor in self.executors():
            if executor._paused or not executor.idle or executor.has_work():
                return False
        workers = [worker for shop in self.shops for worker in shop.node._workers.values()]
        return not any(sum(worker._held.values()) for worker in workers) and self._all_is_heard()

    def _all_is_heard(self) -> bool:
        """Whether of the processes of each service one is at the end of each log that the service listens to."""
        ends: dict[str, int] = {}
        positions: dict[tuple[str, str], int] = {}
        for executor in self.executors():
            ends[executor.name] = max(ends.get(executor.name, 0), executor.number)
            for source, feed in executor.feeds.items():
                place = executor.name, source
                positions[place] = max(positions.get(place, 0), feed.position)
        return all(position >= ends[source] for (_, source), position in positions.items())

    async def sound(self) -> bool:
        """Whether every figure is explained."""
        await self.quiet()
        differences = await find_differences(self.shop)
        assert differences == []
        return True

    async def state(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table of payments and orders, by name, but for those that move by themselves."""
        await self.quiet()
        rows = {}
        for service in ("payments", "orders"):
            (executor, *_) = self.executors(service)
            reader = executor.database.reader()
            for name in (*executor.service.tables.tables, *tables.metadata.tables):
                if name not in ("jobs", "leases", "positions", "sequence"):
                    rows[f"{service} {name}"] = reader.fetch(f"SELECT * FROM {name}", (), 1_000)  # noqa: S608 - our own
        return rows

    def mails(self) -> list[Message]:
        folder = self.data("notifications") / "mail"
        return [message_from_bytes(file.read_bytes(), policy=default) for file in sorted(folder.glob("*.eml"))]

    def _note(self, event: Any) -> None:
        self._tokens[event.user_id] = event.token_id

    async def _confirmed(self, caller: Caller) -> Any:
        """The mail of the sign-up takes a secret of the same token, perhaps between our two steps."""
        _, token_id = self._tokens.popitem()
        while True:
            issued = await self.calls.do(IssueToken(token_id), caller)
            with suppress(InvalidToken):
                digest = hashlib.sha256(issued.secret.encode()).hexdigest()
                return (await self.calls.do(VerifyEmail(digest), caller)).id


@asynccontextmanager
async def opened(
    folder: Path, clock: ManualClock | None = None, *, listens: bool = True, **given: Any
) -> AsyncIterator[Town]:
    """A shop over the files of `folder`, which listens on a port of its own. `given` are other settings."""
    clock = clock or ManualClock()
    settings = Settings(data=folder, port=free_port(), rate_limits=0.0, access_log="off", **given)
    parts = make_parts(settings, asyncio.get_running_loop())
    shop = Shop(settings, msgspec.structs.replace(parts, clock=clock, ids=Ids(clock)))
    shop.start()
    try:
        async with aiohttp.ClientSession() as http, _listening(shop) if listens else nullcontext():
            yield Town((shop,), clock, http)
    finally:
        await shop.stop()


@asynccontextmanager
async def _listening(shop: Shop) -> AsyncIterator[None]:
    server = shop.server()
    serving = asyncio.get_running_loop().create_task(server.serve())
    await until(lambda: server.started or serving.done())
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def free_port() -> int:
    (port,) = free_ports("127.0.0.1", 1)
    return port
