"""Real shops for tests: all services on SQLite files, one HTTP server on a loopback port."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import policy
from email.parser import BytesParser
from pathlib import Path

import msgspec

from mercato.apps.shop import Shop
from mercato.contracts.catalog import (
    CreateProduct,
    GetProduct,
    Option,
    Product,
    ProductDraft,
    SaveCategory,
    VariantDraft,
)
from mercato.contracts.inventory import AdjustStock
from mercato.contracts.pricing import Rates, SetPrices, SetRates
from mercato.contracts.stores import CartAccess, OpenStore, Store
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.database.opening import sqlite_in
from mercato.runtime.parts import Parts, threaded_pools
from mercato.runtime.settings import Settings
from mercato.runtime.telemetry import Telemetry
from mercato.values.clock import SystemClock
from mercato.values.commerce import PricedVariant
from mercato.values.ids import CategoryId, Ids, ProductId, StoreId
from mercato.values.messages import Caller
from tests.frontends.storefront.browser import STORE, Browser

PASSWORD = "correct horse battery"
ADDRESS = {
    "delivery_name": "Jo Shopper",
    "delivery_street": "Lange Reihe 7",
    "delivery_postal_code": "20099",
    "delivery_city": "Hamburg",
    "delivery_country": "DE",
}

_TOKEN = re.compile(r"token=(\S+)")


class MovingClock(SystemClock):
    """The machine's clock, which a test can set forward."""

    def __init__(self) -> None:
        self.ahead = 0

    def now(self) -> int:
        return super().now() + self.ahead

    def advance(self, milliseconds: int) -> None:
        self.ahead += milliseconds


class TestShop:
    """A shop that is open, with one store. What merchants do is done by messages."""

    __test__ = False

    def __init__(self, shop: Shop, clock: MovingClock, origin: str, log: io.StringIO) -> None:
        self.shop = shop
        self.calls = shop.node.calls
        self.clock = clock
        self.origin = origin
        self.log = log
        self.store = StoreId(STORE)

    def browser(self, prefix: str = "") -> Browser:
        return Browser(self.origin, prefix)

    @property
    def staff(self) -> Caller:
        return Caller.system(self.store, "test")

    async def open_store(self, cart_access: CartAccess = "signed_in", name: str = "Corner Shop") -> Store:
        command = OpenStore(self.store, "corner", name, "EUR", cart_access=cart_access)
        store = await self.calls.do(command, self.staff)
        await self.calls.do(SetRates(Rates("EUR", 190_000, True, 490)), self.staff)
        return store

    async def add_category(self, number: int, name: str, handle: str = "") -> CategoryId:
        category_id = CategoryId(f"cat_{number:032x}")
        command = SaveCategory(category_id, name, handle or name.lower(), None, number)
        await self.calls.do(command, self.staff)
        return category_id

    async def add_mug(self, *, price: int = 1690, stock: int = 10) -> Product:
        """A product without options."""
        draft = ProductDraft("mug", "Mug", "EUR", (VariantDraft(sku="MUG", price=price, stock_change=stock),))
        return await self.add_product(1, msgspec.structs.replace(draft, description="<p>Holds tea.</p>"))

    async def add_tee(self) -> Product:
        """A product with two options: M in Ink is sold out, L is not made in Ink."""
        options = (Option("Colour", ("Ink", "Chalk")), Option("Size", ("M", "L")))
        variants = (
            VariantDraft(("Ink", "M"), price=2490, stock_change=0),
            VariantDraft(("Chalk", "M"), price=2490, compare_at=2990, stock_change=3),
            VariantDraft(("Chalk", "L"), price=2690, stock_change=30),
        )
        return await self.add_product(2, ProductDraft("tee", "Tee", "EUR", variants, options=options))

    async def add_product(self, number: int, draft: ProductDraft) -> Product:
        """Make a product and wait until its prices and its stock are known everywhere."""
        product_id = ProductId(f"prod_{number:032x}")
        draft = msgspec.structs.replace(draft, status="active")
        await self.calls.do(CreateProduct(product_id, draft), self.staff)
        wanted = [(variant.price, variant.stock_change or 0) for variant in draft.variants]
        return await self._until(product_id, wanted)

    async def set_price(self, product: Product, price: int) -> None:
        variant = product.variants[0]
        await self.calls.do(SetPrices(product.id, "EUR", (PricedVariant(variant.id, price),)), self.staff)
        await self._until(product.id, [(price, variant.available), *_figures(product)[1:]])

    async def take_stock(self, product: Product, pieces: int) -> None:
        """Somebody else has bought so many pieces of the first variant."""
        variant = product.variants[0]
        stock = await self.calls.do(AdjustStock(variant.id, -pieces), self.staff)
        await self._until(product.id, [(variant.price, stock.available), *_figures(product)[1:]])

    async def shopper(self, email: str = "jo@example.com") -> Browser:
        """A browser whose person has an account and is logged in."""
        browser = self.browser()
        await self.sign_up(browser, email)
        await browser.open("/login")
        await browser.press("Log in", email=email, password=PASSWORD)
        return browser

    async def sign_up(self, browser: Browser, email: str) -> None:
        await browser.open("/signup")
        await browser.press("Create the account", name="Jo Shopper", email=email, password=PASSWORD)
        await browser.open(f"/verify?token={await self.token(email, 'verify')}")
        await browser.press("Confirm the address")

    async def token(self, email: str, page: str) -> str:
        """The token in the latest mail to this address with a link to this page."""
        async with asyncio.timeout(10):
            while not (found := [text for text in self.mails(email) if f"/{page}?token=" in text]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        match = _TOKEN.search(found[-1])
        assert match is not None
        return match[1]

    def mails(self, email: str) -> list[str]:
        """The texts of all mails to this address, the latest last."""
        files = sorted(self.shop.settings.mail_folder.rglob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        messages = [BytesParser(policy=policy.default).parsebytes(file.read_bytes()) for file in files]
        texts = []
        for message in messages:
            body = message.get_body(("plain",))
            if email in str(message["To"]) and body is not None:
                texts.append(str(body.get_content()))
        return texts

    async def _until(self, product_id: ProductId, wanted: list[tuple[int | None, int]]) -> Product:
        async with asyncio.timeout(10):
            while True:
                product = await self.calls.ask(GetProduct(product_id), self.staff)
                if _figures(product) == wanted:
                    await asyncio.sleep(0.02)  # the same news is on its way to the carts
                    return product
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running_shop(folder: Path, rate_limits: float = 0.0, public_url: str = "") -> AsyncIterator[TestShop]:
    """A shop behind its real server, without a store yet."""
    loop = asyncio.get_running_loop()
    clock, log = MovingClock(), io.StringIO()
    settings = Settings(data=folder, port=0, rate_limits=rate_limits, access_log="off", public_url=public_url)
    shop = Shop(settings, _parts(folder, clock, log, loop))
    shop.start()
    server = shop.server()
    serving = loop.create_task(server.serve())
    try:
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield TestShop(shop, clock, f"http://127.0.0.1:{port}", log)
    finally:
        server.should_exit = True
        await serving
        await shop.stop()


def _parts(folder: Path, clock: MovingClock, log: io.StringIO, loop: asyncio.AbstractEventLoop) -> Parts:
    folder.mkdir(parents=True, exist_ok=True)
    ids = Ids(clock)
    return Parts(
        clock=clock,
        ids=ids,
        keyring=Keyring.open(folder / "keys.json", ids),
        pools=threaded_pools(loop),
        open_database=sqlite_in(folder),
        telemetry=Telemetry(clock, log=log),
        holder=ids.new("node"),
        recode=True,
        loop=loop,
    )


def _figures(product: Product) -> list[tuple[int | None, int]]:
    return [(variant.price, variant.available) for variant in product.variants]
