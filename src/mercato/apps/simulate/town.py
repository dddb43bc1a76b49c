"""The town that every simulation begins with: two stores with the same handles and addresses, goods and people.

It is made once, by messages, in a calm simulation of its own; each seed gets a copy of its files.
"""

import asyncio
import hashlib
import random
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from mercato.apps.simulate.clock import SimulatedClock
from mercato.apps.simulate.disk import Disk
from mercato.apps.simulate.events import FaultyListeners
from mercato.apps.simulate.gateway import SimulatedGateway
from mercato.apps.simulate.index import SimulatedShelf
from mercato.apps.simulate.loop import SimulatedLoop
from mercato.apps.simulate.mail import SimulatedMailServer
from mercato.apps.simulate.passwords import hashed
from mercato.apps.simulate.process import ShopProcess, Surroundings
from mercato.apps.simulate.settled import is_settled
from mercato.apps.simulate.trace import Trace
from mercato.apps.simulate.weather import Weather
from mercato.contracts.catalog import CreateProduct, Option, ProductDraft, SaveCategory, VariantDraft
from mercato.contracts.pricing import Rates, SetRates
from mercato.contracts.stores import MakeApiKey, OpenStore
from mercato.contracts.users import BeginLogIn, EmailVerificationAsked, IssueToken, OpenSession, SignUp, VerifyEmail
from mercato.runtime.calls import Calls
from mercato.values.ids import CategoryId, ProductId, StoreId, TokenId, UserId
from mercato.values.messages import Caller

USERS = 20  # in each store
SCARCE = (2, 5)  # pieces of a variant that many want, fewest and most
PLENTY = 40

Result = TypeVar("Result")


class Good(msgspec.Struct, frozen=True):
    """A variant that is sold."""

    product_id: str
    variant_id: str
    price: int


class Person(msgspec.Struct, frozen=True):
    """A user with an open session. `mark` is in the name and the addresses: nobody else may ever see it."""

    id: str
    mark: str
    email: str
    password: str
    token: str


class Store(msgspec.Struct, frozen=True):
    """`mark` is in the titles of all its goods: it may be seen in no other store."""

    id: str
    handle: str
    mark: str
    currency: str
    rates: Rates
    guests: bool
    api_key: str
    goods: tuple[Good, ...]
    people: tuple[Person, ...]


class Town(msgspec.Struct, frozen=True):
    stores: tuple[Store, ...]


class _Plan(msgspec.Struct, frozen=True):
    letter: str
    handle: str
    rates: Rates
    guests: bool
    products: int


_PLANS = (
    _Plan("a", "first", Rates("EUR", tax_millionths=190_000, tax_included=True, shipping=490), True, 4),
    _Plan("b", "second", Rates("JPY", tax_millionths=81_000, tax_included=False, shipping=333), False, 2),
)


def make_town(folder: Path) -> Town:
    """Make the town's files in a new folder, and tell what is in them."""
    folder.mkdir(parents=True)
    loop = SimulatedLoop(random.Random("town"))
    try:
        return loop.run_until_complete(_Founding(loop, folder).run())
    finally:
        loop.close()


def copy_town(template: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for file in sorted(template.iterdir()):
        if file.suffix in (".db", ".json"):
            shutil.copyfile(file, folder / file.name)


class _Founding:
    def __init__(self, loop: SimulatedLoop, folder: Path) -> None:
        chance = random.Random("founding")
        weather = Weather(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, split_request=0.0)
        trace = Trace(loop)
        self._loop = loop
        around = Surroundings(
            loop=loop,
            clock=SimulatedClock(loop, chance, 0.0),
            weather=weather,
            disk=Disk(weather, chance),
            folder=folder,
            gateway=SimulatedGateway(loop, weather, chance, trace, lambda *_: None),
            mail=SimulatedMailServer(loop, weather, chance, trace),
            index=SimulatedShelf(chance),
            listeners=FaultyListeners(weather, chance),
            reached=lambda _point: None,
            on_kill=lambda: None,
            committed=lambda _name, _batch: None,
            logged=_complain,
        )
        self._process = ShopProcess(around, "town", 0)
        self._tokens: dict[str, str] = {}
        self._chance = chance

    async def run(self) -> Town:
        process = self._process
        process.start()
        process.run(process.node.on, EmailVerificationAsked, lambda _envelope, event: self._note(event))
        stores = await self._inside(lambda: self._stores(process.node.calls))
        while not is_settled(process):  # noqa: ASYNC110 - its databases set no event
            await asyncio.sleep(0.1)
        assert process.shop is not None, "it has been started"
        shop = process.shop
        await self._inside(shop.stop)
        return Town(stores)

    async def _inside(self, act: Callable[[], Awaitable[Result]]) -> Result:
        """Do something as the process does it."""

        async def acting() -> Result:
            return await act()

        return await self._process.run(self._loop.create_task, acting())

    async def _stores(self, calls: Calls) -> tuple[Store, ...]:
        return tuple([await self._store(calls, plan) for plan in _PLANS])

    async def _store(self, calls: Calls, plan: _Plan) -> Store:
        store, mark = StoreId(f"sto_{plan.handle}"), f"store-{plan.letter}-x"
        caller = Caller.system(store, "town")
        access = "anyone" if plan.guests else "signed_in"
        sender = f"shop@{plan.handle}.example"
        currency = plan.rates.currency
        hosts = (f"{plan.handle}.example",)
        command = OpenStore(store, plan.handle, mark, currency, hosts, "UTC", access, sender)  # type: ignore[arg-type]
        await calls.do(command, caller)
        await calls.do(SetRates(plan.rates), caller)
        key = await calls.do(MakeApiKey("staff"), caller)
        await calls.do(SaveCategory(CategoryId(f"cat_{plan.letter}"), mark, "shirts"), caller)
        goods = [good for place in range(plan.products) for good in await self._goods(calls, caller, plan, place)]
        people = [await self._person(calls, caller, f"person-{plan.letter}{place}-x", place) for place in range(USERS)]
        return Store(
            store, plan.handle, mark, currency, plan.rates, plan.guests, key.secret, tuple(goods), tuple(people)
        )

    async def _goods(self, calls: Calls, caller: Caller, plan: _Plan, place: int) -> list[Good]:
        price = 1_000 + 333 * place
        stocks = (self._chance.randint(*SCARCE), PLENTY)
        variants = tuple(
            VariantDraft((size,), price=price, stock_change=stock)
            for size, stock in zip(("S", "L"), stocks, strict=True)
        )
        draft = ProductDraft(
            handle=f"shirt-{place}",
            title=f"Shirt {place} of store-{plan.letter}-x",
            currency=plan.rates.currency,
            variants=variants,
            options=(Option("Size", ("S", "L")),),
            categories=(CategoryId(f"cat_{plan.letter}"),),
            status="active",
        )
        product_id = ProductId(f"prod_{plan.letter}{place:031x}")
        product = await calls.do(CreateProduct(product_id, draft), caller)
        return [Good(product.id, variant.id, price) for variant in product.variants]

    async def _person(self, calls: Calls, caller: Caller, mark: str, place: int) -> Person:
        email, password = f"shopper{place}@people.example", f"password of {mark}"
        password_hash = hashed(password)
        await calls.do(SignUp(email, mark, password_hash), caller)
        _, token_id = self._tokens.popitem()
        while True:  # the mail of the sign-up may make this secret void
            issued = await calls.do(IssueToken(TokenId(token_id)), caller)
            try:
                account = await calls.do(VerifyEmail(hashlib.sha256(issued.secret.encode()).hexdigest()), caller)
                break
            except Exception:  # noqa: S112 - tried again with the next secret
                continue
        begun = await calls.do(BeginLogIn("192.0.2.1", "town", user_id=account.id), caller)
        session = await calls.do(OpenSession(UserId(account.id), password_hash, begun.attempt_id), caller)
        return Person(account.id, mark, email, password, session.token)

    def _note(self, event: object) -> None:
        assert isinstance(event, EmailVerificationAsked), "it listens to nothing else"
        self._tokens[event.user_id] = event.token_id


def _complain(line: str) -> None:
    raise RuntimeError(f"the town could not be founded: {line}")
