"""What entries say follows from what others have told, in whatever order it comes."""

from mercato.contracts.catalog import DescribedVariant, ProductDescribed, SaveCategory
from mercato.contracts.inventory import AdjustStock
from mercato.contracts.pricing import SetPrices
from mercato.services.search import storage
from mercato.services.search.jobs import tell_the_index_what_is_sold
from mercato.services.search.messages import ListChanges
from mercato.values.commerce import PricedVariant
from mercato.values.ids import CategoryId, VariantId
from tests.services.conftest import staff, system
from tests.services.search.service.conftest import STORE, Stage

CLOTHES, SHIRTS = CategoryId("cat_" + "1" * 32), CategoryId("cat_" + "2" * 32)


async def test_an_entry_has_what_catalog_pricing_and_inventory_say(stage: Stage) -> None:
    made = await stage.make("Linen Shirt", vendor="Acme", tags=("summer",), description="<p>Light &amp; cool</p>")
    entry = await stage.entry(made.id)
    assert entry is not None
    assert (entry.title, entry.brand, entry.tags, entry.description) == (
        "Linen Shirt",
        "Acme",
        ("summer",),
        "Light & cool",
    )
    assert (entry.price, entry.currency, entry.available, entry.options) == (1_000, "EUR", True, {"size": ("S", "L")})


async def test_the_lowest_price_counts_and_what_is_not_for_sale_has_none(stage: Stage) -> None:
    made = await stage.make("Shirt", price=None)
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.price is None
    small, large = (variant.id for variant in made.variants)
    prices = (PricedVariant(small, 900), PricedVariant(large, 700, 800))
    await stage.calls.do(SetPrices(made.id, "EUR", prices), staff(STORE))
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.price == 700
    card = (await stage.get("/v1/search", q="shirt")).json()["hits"][0]["card"]
    assert (card["price_from"], card["price_to"], card["compare_at"]) == (700, 900, 800)


async def test_only_what_is_gone_or_back_is_worth_a_change(stage: Stage) -> None:
    made = await stage.make("Shirt", stock=3)
    await stage.indexed()
    variant_id = made.variants[0].id
    before = len(stage.shelf.writes)
    await stage.calls.do(AdjustStock(variant_id, -2), staff(STORE))
    await stage.indexed()
    assert len(stage.shelf.writes) == before
    await stage.calls.do(AdjustStock(variant_id, -1), staff(STORE))
    entry = await stage.entry(made.id)
    assert entry is not None
    assert not entry.available
    await stage.calls.do(AdjustStock(made.variants[1].id, 1), staff(STORE))
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.available


async def test_a_product_that_is_archived_is_gone_and_comes_back(stage: Stage) -> None:
    made = await stage.make("Shirt")
    await stage.change(made.id, status="archived")
    assert await stage.entry(made.id) is None
    await stage.change(made.id, status="active", title="Blouse")
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.title == "Blouse"


async def test_old_news_of_a_product_changes_nothing(stage: Stage) -> None:
    made = await stage.make("Shirt")
    await stage.change(made.id, title="Blouse")
    await stage.indexed()
    old = ProductDescribed(
        made.id, 1, "active", "owner", "shirt", "Shirt", "", "", (), (), (), (), "", "EUR",
        (DescribedVariant(VariantId("var_gone"), "", "", ()),), 0,
    )  # fmt: skip
    executor = stage.node.executors["search"]
    (listener,) = (row for row in executor.service.listeners if row.event is ProductDescribed)
    tx = executor._transaction()
    tx.store = STORE
    executor.database.writer.begin((STORE,))
    listener.run(tx, old, system(STORE))
    tx.flush()
    executor.database.writer.execute("COMMIT")
    (row,) = (each for each in [tx.one(storage.FIND_CARDS, ids=f'["{made.id}"]')])
    assert row is not None
    assert '"Blouse"' in row.body
    assert (row.price_from, row.available) == (1_000, 1)


async def test_a_category_that_changes_takes_those_below_it_along(stage: Stage) -> None:
    await stage.calls.do(SaveCategory(CLOTHES, "Clothes", "clothes"), staff(STORE))
    await stage.calls.do(SaveCategory(SHIRTS, "Shirts", "shirts", CLOTHES), staff(STORE))
    made = await stage.make("Linen", categories=(SHIRTS,))
    entry = await stage.entry(made.id)
    assert entry is not None
    assert (entry.categories, entry.category_names) == ((SHIRTS, CLOTHES), ("Shirts", "Clothes"))
    await stage.calls.do(SaveCategory(CLOTHES, "Apparel", "clothes"), staff(STORE))
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.category_names == ("Shirts", "Apparel")
    await stage.calls.do(SaveCategory(SHIRTS, "Shirts", "shirts"), staff(STORE))
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.categories == (SHIRTS,)


async def test_the_index_hears_of_sales_now_and_then(stage: Stage) -> None:
    made = await stage.make("Shirt")
    await stage.indexed()
    executor = stage.node.executors["search"]
    executor.database.writer.execute("BEGIN IMMEDIATE")
    executor.database.writer.execute(
        f"UPDATE sold SET pieces = 5 WHERE product_id = '{made.id}' AND store = '{STORE}'"  # noqa: S608 - our own
    )
    executor.database.writer.execute("COMMIT")
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.sold == 0
    await tell_the_index_what_is_sold(stage.calls, 0)
    entry = await stage.entry(made.id)
    assert entry is not None
    assert entry.sold == 5
    before = len(stage.shelf.writes)
    await tell_the_index_what_is_sold(stage.calls, 0)
    await stage.indexed()
    assert len(stage.shelf.writes) == before


async def test_changes_are_told_in_pages_that_miss_none_of_one_number(stage: Stage) -> None:
    for number in range(7):
        await stage.make(f"Shirt {number}")
    await stage.indexed()
    seen: dict[str, None] = {}
    changed, last_id = 0, "~"
    while True:
        page = await stage.calls.ask(ListChanges(changed, last_id, 2), system(""))
        seen |= dict.fromkeys(entry.id for entry in page.entries)
        assert page.mark <= page.latest
        if len(page.entries) < 2:
            break
        changed, last_id = page.changed, page.last_id
    assert len(seen) == 7
