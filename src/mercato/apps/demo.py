"""The demo shop: a store with products, opened when an installation is started for the first time.

Everything is made by messages, under ids that follow from what they name: a run that was killed half way is simply
continued by the next one. What must be told again at later starts is kept in `demo.json` in the data folder.
"""

import asyncio
import hashlib
import os
import secrets
from collections.abc import Awaitable, Iterable
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Protocol

import msgspec

from mercato.contracts.catalog import (
    CreateProduct,
    GetProduct,
    Image,
    Option,
    ProductDraft,
    SaveCategory,
    Spec,
    VariantDraft,
)
from mercato.contracts.pricing import Rates, SetRates
from mercato.contracts.stores import ListStores, MakeApiKey, OpenStore
from mercato.contracts.users import (
    EmailVerificationAsked,
    GetCredentials,
    InvalidToken,
    IssueToken,
    SignUp,
    VerifyEmail,
)
from mercato.runtime.access.passwords import Argon2Passwords
from mercato.runtime.node import Node
from mercato.runtime.settings import Settings
from mercato.values.ids import CategoryId, ProductId, StoreId, TokenId
from mercato.values.messages import Caller, NotFound

HANDLE = "mercato-demo"
NAME = "Mercato Demo"
CURRENCY = "EUR"
RATES = Rates(CURRENCY, tax_millionths=190_000, tax_included=True, shipping=490)
EMAIL = "shopper@example.com"

PATIENCE = 5.0  # seconds for what follows from the last command, such as prices in lists
BEGINNING = 1_735_689_600_000  # the moment in the ids of the demo, in ms since the epoch: 1 January 2025
STRIDE = 37  # has no divisor in common with the number of products, so that new ones are of all kinds


class DemoAccounts(msgspec.Struct, frozen=True):
    """Who can use the demo: a shopper with a password, and a program with the owner's key."""

    email: str
    password: str
    api_key: str


class DemoCategory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    handle: str
    name: str
    parent: str = ""


class DemoProduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A product of the assortment. Prices are in minor units; `dearer` is added for a size.

    `sold_out` and `low` name variants by colour and size, as in "Moss/M"; with one colour only by their size.
    """

    handle: str
    title: str
    category: str
    kind: str
    vendor: str
    price: int
    colours: tuple[str, ...]
    text: str
    points: tuple[str, ...]
    specs: dict[str, str]
    compare_at: int | None = None
    sizes: tuple[str, ...] = ()
    size_name: str = "Size"
    dearer: dict[str, int] = {}
    sold_out: tuple[str, ...] = ()
    low: tuple[str, ...] = ()


class Assortment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    categories: tuple[DemoCategory, ...]
    products: tuple[DemoProduct, ...]


class Opened(Protocol):
    """What of a started shop is needed."""

    settings: Settings
    node: Node


class _Kept(msgspec.Struct):
    """What stands in `demo.json`. `complete`: there is nothing left to do."""

    email: str
    password: str
    api_key: str = ""
    complete: bool = False


async def open_demo(shop: Opened) -> DemoAccounts | None:
    """Open the demo store where there is no store yet, and tell its accounts; None for an installation with others."""
    file = shop.settings.data / "demo.json"
    kept = _read(file)
    if kept is None:
        if await shop.node.calls.ask(ListStores(), Caller.system("", "demo")):
            return None
        kept = _Kept(EMAIL, secrets.token_urlsafe(9))
        _write(file, kept)
    if not kept.complete:
        await _Opening(shop, file, kept).run()
    return DemoAccounts(kept.email, kept.password, kept.api_key)


def assortment() -> Assortment:
    """What the demo store sells."""
    text = (files("mercato.apps") / "demo_products.json").read_bytes()
    return msgspec.json.decode(text, type=Assortment)


def demo_id(prefix: str, name: str, place: int = 0) -> str:
    """The id of a part of the demo: the same at every run, and sorting by `place`."""
    digest = hashlib.sha256(f"mercato demo {prefix} {name}".encode()).hexdigest()
    return f"{prefix}_{BEGINNING + place:012x}7{digest[:3]}8{digest[3:18]}"


STORE = StoreId(demo_id("sto", HANDLE))


def draft_of(product: DemoProduct) -> ProductDraft:
    """The product as a merchant would give it."""
    colours = product.colours if len(product.colours) > 1 else ()
    options = [Option("Colour", tuple(map(_name_of, colours)))] if colours else []
    if product.sizes:
        options.append(Option(product.size_name, product.sizes))
    points = "".join(f"<li>{escape(point)}</li>" for point in product.points)
    return ProductDraft(
        handle=product.handle,
        title=product.title,
        currency=CURRENCY,
        variants=tuple(
            _variant_of(product, colour, size) for colour in product.colours for size in product.sizes or ("",)
        ),
        description=f"<p>{escape(product.text)}</p><ul>{points}</ul>",
        vendor=product.vendor,
        type=product.kind,
        tags=(product.category,),
        categories=(CategoryId(demo_id("cat", product.category)),),
        options=tuple(options),
        images=_images_of(product),
        specs=tuple(Spec(name, value) for name, value in product.specs.items()),
        status="active",
    )


class _Opening:
    """One run of the opening; what an earlier one has done is left as it is."""

    def __init__(self, shop: Opened, file: Path, kept: _Kept) -> None:
        self._node = shop.node
        self._calls = shop.node.calls
        self._passwords = Argon2Passwords(shop.node.parts.pools.slow)
        self._caller = Caller.system(STORE, "demo")
        self._file = file
        self._kept = kept

    async def run(self) -> None:
        await self._calls.do(OpenStore(STORE, HANDLE, NAME, CURRENCY, time_zone="Europe/Berlin"), self._caller)
        offer = assortment()
        await _together([self._shopper(), self._api_key(), self._fill(offer)])
        self._kept.complete = True
        _write(self._file, self._kept)

    async def _fill(self, offer: Assortment) -> None:
        await self._calls.do(SetRates(RATES), self._caller)
        for place, category in enumerate(offer.categories):
            await self._category(category, place)
        count = len(offer.products)
        await _together(self._product(product, index * STRIDE % count) for index, product in enumerate(offer.products))
        await self._published(offer.products[-1])

    async def _category(self, category: DemoCategory, place: int) -> None:
        """Parents come before their children."""
        parent = CategoryId(demo_id("cat", category.parent)) if category.parent else None
        category_id = CategoryId(demo_id("cat", category.handle))
        await self._calls.do(SaveCategory(category_id, category.name, category.handle, parent, place), self._caller)

    async def _product(self, product: DemoProduct, place: int) -> None:
        product_id = ProductId(demo_id("prod", product.handle, place))
        try:
            await self._calls.ask(GetProduct(product_id), self._caller)
        except NotFound:
            await self._calls.do(CreateProduct(product_id, draft_of(product)), self._caller)

    async def _published(self, last: DemoProduct) -> None:
        """Wait until prices and stock of the last product are in its document: then the first page is complete."""
        wanted = sum(variant.stock_change or 0 for variant in draft_of(last).variants)
        end = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < end:
            shown = await self._calls.ask(GetProduct(handle=last.handle), self._caller)
            priced = all(variant.price is not None for variant in shown.variants)
            if priced and sum(variant.available for variant in shown.variants) >= wanted:
                return
            await asyncio.sleep(0.01)

    async def _api_key(self) -> None:
        if self._kept.api_key:
            return
        key = await self._calls.do(MakeApiKey("demo owner"), self._caller)
        self._kept.api_key = key.secret
        _write(self._file, self._kept)

    async def _shopper(self) -> None:
        """Sign up, and confirm the address with a token of our own: nobody reads the mails of example.com."""
        known = await self._calls.ask(GetCredentials(email=EMAIL), self._caller)
        if known.verified:
            return
        asked: asyncio.Future[TokenId] = asyncio.get_running_loop().create_future()

        def note(event: EmailVerificationAsked) -> None:
            if not asked.done():
                asked.set_result(event.token_id)

        self._node.on(EmailVerificationAsked, lambda _envelope, event: note(event))  # type: ignore[arg-type]
        password_hash = await self._passwords.hash(self._kept.password)
        await self._calls.do(SignUp(EMAIL, "Sam Shopper", password_hash), self._caller)
        async with asyncio.timeout(PATIENCE):
            await self._confirm(await asked)

    async def _confirm(self, token_id: TokenId) -> None:
        """The mail of the sign-up takes a secret of the same token, and may do so between our two steps."""
        while True:
            issued = await self._calls.do(IssueToken(token_id), self._caller)
            try:
                await self._calls.do(VerifyEmail(hashlib.sha256(issued.secret.encode()).hexdigest()), self._caller)
                return
            except InvalidToken:
                continue


async def _together(steps: Iterable[Awaitable[None]]) -> None:
    """All steps side by side; the first failure stops the others."""

    async def taken(step: Awaitable[None]) -> None:
        await step

    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(taken(step))


def _variant_of(product: DemoProduct, colour: str, size: str) -> VariantDraft:
    own_colour = _name_of(colour) if len(product.colours) > 1 else ""
    values = tuple(value for value in (own_colour, size) if value)
    name = "/".join(values)
    raise_by = product.dearer.get(size, 0)
    return VariantDraft(
        options=values,
        sku="-".join((product.handle, *values)).upper().replace(" ", ""),
        image=_picture(product, colour, "front"),
        price=product.price + raise_by,
        compare_at=None if product.compare_at is None else product.compare_at + raise_by,
        stock_change=_stock_of(product, name),
    )


def _stock_of(product: DemoProduct, name: str) -> int:
    """Pieces of a variant: none, few, or as many as its name says."""
    number = hashlib.sha256(f"{product.handle} {name}".encode()).digest()[0]
    if name in product.sold_out:
        return 0
    return 1 + number % 3 if name in product.low else 12 + number % 60


def _images_of(product: DemoProduct) -> tuple[Image, ...]:
    first, *others = product.colours
    title = product.title
    return (
        Image(_picture(product, first, "front"), f"{title} in {first}"),
        Image(_picture(product, first, "close"), f"{title} in {first}, seen from near"),
        *(Image(_picture(product, colour, "front"), f"{title} in {colour}") for colour in others),
    )


def _picture(product: DemoProduct, colour: str, view: str) -> str:
    return f"/pictures/{product.kind}-{colour}-{view}.svg"


def _name_of(colour: str) -> str:
    return colour.capitalize()


def _read(file: Path) -> _Kept | None:
    return msgspec.json.decode(file.read_bytes(), type=_Kept) if file.exists() else None


def _write(file: Path, kept: _Kept) -> None:
    """Replace the file as a whole; only its owner can read it."""
    draft = file.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(msgspec.json.format(msgspec.json.encode(kept)))
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
