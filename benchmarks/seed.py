"""Fills a new data folder with a store, products and signed-in users, by messages as everybody else sends them.

A program of its own, `python -m benchmarks.seed JOB`, so that the server that is measured afterwards starts as any
shop does, with nothing of this in its memory.
"""

import asyncio
import hashlib
import sys
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from mercato.apps.owner import Ownership
from mercato.apps.shop import Shop, make_parts, run_in_loop
from mercato.contracts.catalog import CreateProduct, Image, Option, Product, ProductDraft, SaveCategory, VariantDraft
from mercato.contracts.pricing import Rates, SetRates
from mercato.contracts.stores import MakeApiKey, OpenStore
from mercato.contracts.users import EmailVerificationAsked, IssueToken, OpenSession, SignUp, VerifyEmail
from mercato.runtime.access.passwords import Argon2Passwords
from mercato.runtime.settings import Settings, read_settings
from mercato.values.ids import CategoryId, ProductId, StoreId, TokenId, UserId
from mercato.values.messages import Caller

CURRENCY = "EUR"
RATES = Rates(CURRENCY, tax_millionths=190_000, tax_included=True, shipping=490)
STOCK = 1_000_000
AT_ONCE = 256
LOOK = 0.05  # seconds
MOST_SECONDS = 600.0  # for what follows from the last command

DEPARTMENTS = ("Women", "Men", "Children")
KINDS = ("Shirts", "Trousers", "Jackets", "Shoes")
COLOURS = ("Anthracite", "Sand")
TEXT = (
    "<p>Made of heavy cotton, washed once before it is sewn, so that it keeps its size. The seams are taped at the "
    "shoulders and double at the hem.</p><ul><li>340 g a square metre</li><li>washes at 40 degrees</li></ul>"
)

Result = TypeVar("Result")


class Seed(msgspec.Struct, frozen=True):
    """How much there is: half of the products have one variant, half have two.

    Beside them, `scarce` products have one variant of which there are only so many `pieces`. With `categories`,
    products are spread evenly over a tree of them: four kinds of things in each of three departments.
    """

    products: int = 10_000
    users: int = 1_000
    scarce: int = 0
    pieces: int = 100
    categories: bool = False


class Seeded(msgspec.Struct, frozen=True):
    """What a client must know: a session's token for each user, what can be bought, and the handles of categories."""

    store: str
    api_key: str
    tokens: tuple[str, ...]
    products: tuple[str, ...]
    variants: tuple[str, ...]
    scarce: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True):
    """`found` is the file that Seeded is written to."""

    data: str
    found: str
    seed: Seed


def main(arguments: list[str]) -> int:
    job = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Job)
    settings = read_settings(data=Path(job.data))
    with Ownership(settings.data):
        found = run_in_loop(_seed(settings, job.seed))
    Path(job.found).write_bytes(msgspec.json.encode(found))
    return 0


async def _seed(settings: Settings, seed: Seed) -> Seeded:
    shop = Shop(settings, make_parts(settings, asyncio.get_running_loop()))
    shop.start()
    try:
        return await _Seeding(shop, seed).run()
    finally:
        await shop.stop()


class _Seeding:
    def __init__(self, shop: Shop, seed: Seed) -> None:
        self._shop = shop
        self._calls = shop.node.calls
        self._seed = seed
        self._ids = shop.parts.ids
        self._store = StoreId(self._ids.new("sto"))
        self._caller = Caller.system(self._store, "benchmark")
        self._asked: dict[str, TokenId] = {}
        shop.node.on(EmailVerificationAsked, lambda _envelope, event: self._note(event))  # type: ignore[arg-type]

    async def run(self) -> Seeded:
        await self._calls.do(OpenStore(self._store, "bench", "Benchmark", CURRENCY), self._caller)
        await self._calls.do(SetRates(RATES), self._caller)
        key = await self._calls.do(MakeApiKey("benchmark"), self._caller)
        tree = await self._categories() if self._seed.categories else {}
        made = await _in_portions(
            self._product(_shown_in(draft(place), place, tuple(tree.values()))) for place in range(self._seed.products)
        )
        few = await _in_portions(
            self._product(scarce_draft(place, self._seed.pieces)) for place in range(self._seed.scarce)
        )
        tokens = await self._users()
        await self._quiet()
        return Seeded(
            self._store,
            key.secret,
            tuple(tokens),
            tuple(product.id for product in made),
            tuple(variant.id for product in made for variant in product.variants),
            tuple(product.variants[0].id for product in few),
            tuple(tree),
        )

    async def _categories(self) -> dict[str, CategoryId]:
        """The ids of the kinds in all departments, by their handles."""
        made = {}
        for department in DEPARTMENTS:
            parent = await self._category(department, department.lower(), None)
            for kind in KINDS:
                handle = f"{department}-{kind}".lower()
                made[handle] = await self._category(kind, handle, parent)
        return made

    async def _category(self, name: str, handle: str, parent: CategoryId | None) -> CategoryId:
        command = SaveCategory(CategoryId(self._ids.new("cat")), name, handle, parent)
        return (await self._calls.do(command, self._caller)).id

    async def _product(self, made: ProductDraft) -> Product:
        return await self._calls.do(CreateProduct(ProductId(self._ids.new("prod")), made), self._caller)

    async def _users(self) -> list[str]:
        """Everybody has the same password, hashed once: what a hash costs is no part of what is measured."""
        password_hash = await Argon2Passwords(self._shop.parts.pools.slow).hash("correct horse battery staple")
        await _in_portions(
            self._calls.do(SignUp(f"shopper{place}@example.com", f"Shopper {place}", password_hash), self._caller)
            for place in range(self._seed.users)
        )
        async with asyncio.timeout(MOST_SECONDS):
            # Each mail takes a secret of the same token and makes an earlier one void, so they all go first.
            while True:
                if len(self._asked) == self._seed.users == self._mails():
                    break
                await asyncio.sleep(LOOK)
        return await _in_portions(
            self._session(UserId(user), token, password_hash) for user, token in self._asked.items()
        )

    async def _session(self, user_id: UserId, token_id: TokenId, password_hash: str) -> str:
        issued = await self._calls.do(IssueToken(token_id), self._caller)
        await self._calls.do(VerifyEmail(hashlib.sha256(issued.secret.encode()).hexdigest()), self._caller)
        session = await self._calls.do(OpenSession(user_id, password_hash, ""), self._caller)
        return session.token

    async def _quiet(self) -> None:
        """Wait until all services have done what follows, such as the copies of prices and stock."""
        executors = self._shop.node.executors.values()
        async with asyncio.timeout(MOST_SECONDS):
            while True:
                if all(executor.idle and not executor.has_work() for executor in executors):
                    return
                await asyncio.sleep(LOOK)

    def _note(self, event: EmailVerificationAsked) -> None:
        self._asked[event.user_id] = event.token_id

    def _mails(self) -> int:
        folder = self._shop.settings.mail_folder
        return len(list(folder.glob("*.eml"))) if folder.exists() else 0


def draft(place: int) -> ProductDraft:
    """Product number `place`: one variant where the number is even, else two."""
    colours = COLOURS[: 1 + place % 2]
    price = 1_290 + place * 37 % 20_000
    return ProductDraft(
        handle=f"work-shirt-{place}",
        title=f"Work Shirt No. {place}",
        currency=CURRENCY,
        variants=tuple(
            VariantDraft(options=(colour,), sku=f"WS-{place}-{colour}", price=price, stock_change=STOCK)
            for colour in colours
        ),
        description=TEXT,
        vendor="Benchmark Mills",
        type="Shirt",
        options=(Option("Colour", colours),),
        images=(Image("/pictures/longsleeve-ochre-front.svg", f"Work Shirt No. {place}"),),
        status="active",
    )


def _shown_in(made: ProductDraft, place: int, categories: tuple[CategoryId, ...]) -> ProductDraft:
    return msgspec.structs.replace(made, categories=(categories[place % len(categories)],)) if categories else made


def scarce_draft(place: int, pieces: int) -> ProductDraft:
    """Scarce product number `place`: one variant, of which there are so many pieces."""
    usual = draft(0)
    (variant,) = usual.variants
    variant = msgspec.structs.replace(variant, sku=f"LS-{place}", stock_change=pieces)
    return msgspec.structs.replace(
        usual, handle=f"last-shirt-{place}", title=f"Last Shirt No. {place}", variants=(variant,)
    )


async def _in_portions(steps: Iterable[Awaitable[Result]]) -> list[Result]:
    """All results in order, a bounded number of steps at a time."""
    done: list[Result] = []
    portion: list[Awaitable[Result]] = []
    for step in steps:
        portion.append(step)
        if len(portion) == AT_ONCE:
            done += await asyncio.gather(*portion)
            portion.clear()
    return done + list(await asyncio.gather(*portion))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
