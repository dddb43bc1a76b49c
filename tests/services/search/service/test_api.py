"""Parameters of searches, answers that are kept, and what only staff may."""

import pytest

from mercato.services.search.api import search_of
from mercato.values.messages import Malformed
from tests.services.conftest import until
from tests.services.search.service.conftest import HOST, STORE, Stage


def test_parameters_may_be_repeated_where_values_widen() -> None:
    query = search_of(
        [("q", "red"), ("brand", "A"), ("brand", "B"), ("option.size", "M"), ("option.size", "L"), ("option.fit", "x")]
    )
    assert (query.q, query.brand, query.options) == ("red", ("A", "B"), {"size": ("M", "L"), "fit": ("x",)})


def test_facets_are_named_with_commas_or_again_and_again() -> None:
    assert search_of([("facets", "brand,price"), ("facets", "option.size")]).facets == ("brand", "price", "option.size")
    assert search_of([("facets", "option.width, height")]).facets == ("option.width, height",)


def test_a_parameter_without_a_value_asks_for_nothing() -> None:
    assert search_of([("q", ""), ("price_min", ""), ("brand", "")]) == search_of([])


@pytest.mark.parametrize(
    "pairs",
    [
        [("q", "a"), ("q", "b")],
        [("price_min", "much")],
        [("price_min", "-1")],
        [("sort", "best")],
        [("options", "{}")],
        [("option.", "M")],
        [("nothing", "1")],
        [("q", "x" * 301)],
        [("q", "a\x00b")],
        [("brand", "a\x1b")],
        [("facets", "nothing")],
        [("facets", ",".join(f"option.{number}" for number in range(13)))],
    ],
)
def test_what_nobody_can_mean_is_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(Malformed):
        search_of(pairs)


async def test_equal_searches_are_answered_alike_until_something_changes(stage: Stage) -> None:
    made = await stage.make("Shirt")
    await stage.indexed()
    first = await stage.get("/v1/search", q="shirt")
    assert (await stage.get("/v1/search", q="shirt")).body == first.body
    assert first.json()["total"] == 1
    await stage.change(made.id, title="Blouse")
    await stage.indexed()
    assert (await stage.get("/v1/search", q="shirt")).json()["total"] == 0
    assert (await stage.get("/v1/search", q="blouse")).json()["total"] == 1


async def test_only_staff_are_told_why(stage: Stage) -> None:
    await stage.make("Shirt")
    await stage.indexed()
    token = await stage.token()
    told = await stage.get("/v1/search", token, q="shirt", explain="true")
    assert told.json()["hits"][0]["reasons"] != []
    assert (await stage.get("/v1/search", q="shirt", explain="true")).status == 403
    assert "reasons" not in (await stage.get("/v1/search", q="shirt")).json()["hits"][0]


async def test_rules_are_replaced_as_a_whole_by_who_has_seen_the_latest(stage: Stage) -> None:
    token = await stage.token()
    body = {"rules": {"redirects": [{"typed": "sale", "path": "/products"}]}}
    first = await stage.web("PUT", "/v1/search/rules", body, host=HOST, token=token)
    assert (first.status, first.json()["version"]) == (200, 1)
    stale = await stage.web("PUT", "/v1/search/rules", body, host=HOST, token=token, if_match='"7"')
    assert (stale.status, stale.json()["code"]) == (409, "conflict")
    assert (await stage.get("/v1/search", q="SALE")).json()["redirect"] == "/products"
    unknown = {"rules": {"weights": {"nothing": 1.0}}}
    refused = await stage.web("PUT", "/v1/search/rules", unknown, host=HOST, token=token)
    assert (refused.status, refused.json()["code"]) == (422, "unknown_weight")
    assert "title" in refused.json()["weights"]
    shown = await stage.get("/v1/search/rules", token)
    assert (shown.json()["version"], len(shown.json()["rules"]["redirects"])) == (1, 1)
    for path in ("/v1/search/rules", "/v1/search/no-results"):
        assert (await stage.get(path)).status == 401


async def test_another_language_has_all_entries_written_again(stage: Stage) -> None:
    made = await stage.make("Hemden")
    await stage.indexed()
    body = {"rules": {"language": "de"}}
    assert (await stage.web("PUT", "/v1/search/rules", body, host=HOST, token=await stage.token())).status == 200
    await until(lambda: stage.shelf.index.entries[STORE, made.id].language == "de")


async def test_searches_in_vain_are_counted_for_staff(stage: Stage) -> None:
    await stage.make("Shirt")
    await stage.indexed()
    for typed in ("Hovercraft", "hovercraft ", "zeppelin"):
        assert (await stage.get("/v1/search", q=typed)).json()["total"] == 0
    token = await stage.token()
    executor = stage.node.executors["search"]
    await until(lambda: executor.database.reader().fetch("SELECT count(*) FROM no_results", (), 1)[0][0] == 2)
    told = (await stage.get("/v1/search/no-results", token)).json()
    assert [(each["typed"], each["count"]) for each in told] == [("hovercraft", 2), ("zeppelin", 1)]


async def test_products_like_one_are_those_of_its_store_without_itself(stage: Stage) -> None:
    made = [await stage.make(f"{kind} Shirt") for kind in ("Linen", "Cotton", "Silk")]
    await stage.indexed()
    similar = (await stage.get(f"/v1/products/{made[0].id}/similar")).json()
    assert {hit["card"]["id"] for hit in similar} == {made[1].id, made[2].id}
    assert (await stage.get("/v1/products/prod_none/similar")).status == 404
