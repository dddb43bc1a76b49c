"""What every engine must do. Each engine's tests inherit it, and say in `open` how one is opened."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mercato.contracts.search import Pin, SearchRules, Synonym
from mercato.services.search.domain import Entry, Filters, Gone
from mercato.services.search.finding import finder as finder_module
from mercato.services.search.finding.finder import Finder
from mercato.services.search.finding.index import Index
from mercato.services.search.finding.plan import Group, Phrase, Plan, Term, candidate_of
from mercato.values.ids import ProductId
from tests.services.search.entries import OTHER, STORE, entry, found, ids

Open = Callable[[], Index]

CANARY = "xylocanary"

SHOES = (
    entry(
        "p1",
        "Red running shoes for women",
        brand="Runwell",
        price=4_000,
        rating=450,
        ratings=10,
        sold=5,
        created_at=3_000,
        options={"size": ("38", "39"), "colour": ("red",)},
        categories=("cat_shoes", "cat_running"),
        category_names=("Shoes", "Running"),
    ),
    entry(
        "p2",
        "Blue running shoes for men",
        brand="Runwell",
        price=6_000,
        rating=390,
        ratings=100,
        sold=50,
        created_at=2_000,
        options={"size": ("44",), "colour": ("blue",)},
        categories=("cat_shoes", "cat_running"),
        category_names=("Shoes", "Running"),
    ),
    entry(
        "p3",
        "Leather shoes, brown",
        brand="O'Brien & Söhne",
        price=12_000,
        available=False,
        created_at=1_000,
        options={"size": ("44",)},
        categories=("cat_shoes",),
        category_names=("Shoes",),
        seller="sel_2",
    ),
    entry("p4", "Shoe polish", brand="Shine", categories=("cat_care",), created_at=500, sold=1),
)

HOSTILE = (
    "*",
    "?",
    "a*",
    "sh?es~2",
    "/.*/",
    "(((((((((",
    '"shoes',
    "title:shoes AND NOT red OR (",
    "shoes^9999999999",
    "{!func}shoes",
    "' OR 1=1 --",
    "\x00\x01\x02shoes\x7f",
    "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    "shoes\u202eseohs",
    "x" * 10_000,
    "shoes " * 300,
    "-".join("ab" for _ in range(3_000)),
    "1/" * 4_000,
    "é" * 5_000,
    "靴" * 5_000,
    "9" * 5_000,
    '12"' * 1_000,
    "without " * 50,
    "'" * 300,
    "a" + "\u0301" * 4_000,
)


class IndexContract:
    """The suite. `open` opens the same index each time that it is called; the one before is closed then."""

    @pytest.fixture
    def open(self, tmp_path: Path) -> Iterator[Open]:
        raise NotImplementedError

    @pytest.fixture
    def index(self, open: Open) -> Index:
        return open()

    @pytest.fixture
    def finder(self, index: Index) -> Finder:
        index.write(SHOES, 1)
        return Finder(index)

    # What is written is found, and stays

    def test_a_new_index_has_nothing_and_the_mark_0(self, index: Index) -> None:
        assert index.mark == 0
        assert index.run(Plan(STORE)).total == 0
        assert index.vocabulary(STORE).entries == 0

    def test_what_was_written_is_found_at_once(self, index: Index) -> None:
        index.write([entry("p1", "Red shoes")], 7)
        assert index.mark == 7
        assert ids(Finder(index), "shoes") == ["p1"]

    def test_an_entry_that_is_written_again_replaces_the_one_before(self, index: Index) -> None:
        index.write([entry("p1", "Red shoes")], 1)
        index.write([entry("p1", "Green trousers")], 2)
        assert ids(Finder(index), "red shoes") == []
        assert ids(Finder(index), "trousers") == ["p1"]
        assert found(Finder(index)).total == 1

    def test_the_last_of_several_changes_of_one_entry_counts(self, index: Index) -> None:
        index.write([entry("p1", "Red"), Gone(STORE, ProductId("p2")), entry("p1", "Green"), entry("p2", "Blue")], 1)
        index.write([entry("p3", "Black"), Gone(STORE, ProductId("p3"))], 2)
        assert ids(Finder(index), "green") == ["p1"]
        assert ids(Finder(index), "blue") == ["p2"]
        assert found(Finder(index)).total == 2

    def test_what_is_gone_is_found_no_more(self, finder: Finder, index: Index) -> None:
        index.write([Gone(STORE, ProductId("p1")), Gone(STORE, ProductId("p_never"))], 2)
        assert "p1" not in ids(finder, "running shoes")
        assert found(finder).total == 3

    def test_a_mark_without_changes_is_kept(self, index: Index) -> None:
        index.write([], 5)
        assert index.mark == 5
        assert index.run(Plan(STORE)).total == 0

    def test_all_is_there_after_it_was_closed(self, open: Open) -> None:
        first = open()
        first.write(SHOES, 4)
        first.write([Gone(STORE, ProductId("p4"))], 5)
        again = open()
        assert again.mark == 5
        assert sorted(ids(Finder(again))) == ["p1", "p2", "p3"]
        assert again.vocabulary(STORE).count("running") == 2

    # Plans

    def test_words_and_phrases_are_found_in_their_field_only(self, finder: Finder, index: Index) -> None:
        def hits(*groups: Group, least: int | None = None) -> set[str]:
            return {candidate_of(hit).id for hit in index.run(Plan(STORE, groups, least)).hits}

        assert hits(Group((Term("title", "red"),))) == {"p1"}
        assert hits(Group((Term("brand", "red"),))) == set()
        assert hits(Group((Phrase("title", ("blue", "run")),))) == {"p2"}
        assert hits(Group((Phrase("title", ("run", "blue")),))) == set()
        red, blue = Group((Term("title", "red"),)), Group((Term("title", "blue"),))
        assert hits(red, blue) == set()
        assert hits(red, blue, least=1) == {"p1", "p2"}
        assert hits(Group((Term("title", "red"), Term("title", "blue")))) == {"p1", "p2"}

    def test_a_weight_multiplies_what_a_match_scores(self, finder: Finder, index: Index) -> None:
        def score(weight: float) -> float:
            return index.run(Plan(STORE, (Group((Term("title", "red", weight),)),))).hits[0].score

        assert score(3.0) == pytest.approx(3.0 * score(1.0), rel=1e-4)

    def test_a_plan_narrows_excludes_and_adds_products(self, finder: Finder, index: Index) -> None:
        red = (Group((Term("title", "red"),)),)
        ones = (ProductId("p1"), ProductId("p3"))

        def hits(plan: Plan) -> set[str]:
            answer = index.run(plan)
            assert answer.total == len(answer.hits)
            return {candidate_of(hit).id for hit in answer.hits}

        assert hits(Plan(STORE, only=ones)) == {"p1", "p3"}
        assert hits(Plan(STORE, excluded=ones)) == {"p2", "p4"}
        assert hits(Plan(STORE, red, also=ones)) == {"p1", "p3"}
        assert hits(Plan(STORE, red, also=ones, filters=Filters(in_stock=True))) == {"p1"}
        assert index.run(Plan(STORE, limit=0)).total == 4

    # Stores

    def test_no_search_finds_what_is_of_another_store(self, finder: Finder, index: Index) -> None:
        canary = entry(
            "p1",
            f"{CANARY} shoes",
            store=OTHER,
            brand="Runwell",
            price=4_000,
            rating=450,
            ratings=9,
            options={"size": ("38",)},
            categories=("cat_shoes",),
            category_names=("Shoes",),
            seller="sel_2",
        )
        index.write([canary, entry("p9", CANARY, store=OTHER)], 2)
        facets = ("category", "brand", "price", "rating", "in_stock", "seller", "option.size")
        before = found(finder, "shoes", facets=facets)
        assert before.total == len(SHOES)
        assert ids(finder, CANARY) == []
        assert "p9" not in ids(finder)
        for sort in ("price_up", "price_down", "newest", "rating", "best_selling"):
            assert sorted(ids(finder, sort=sort)) == ["p1", "p2", "p3", "p4"]
        for name, value in (("brand", "Runwell"), ("category", "cat_shoes"), ("option.size", "38")):
            assert "p9" not in ids(finder, filters=Filters({name: (value, "44")}))
        assert sum(count for _, count in before.facets["brand"]) == len(SHOES)
        assert finder.suggest(STORE, CANARY[:5], 6, SearchRules()).terms == ()
        assert index.vocabulary(STORE).count(CANARY) == 0
        assert [hit.id for hit in finder.similar(STORE, ProductId("p9"), 5)] == []
        assert set(ids(finder, CANARY, store=OTHER)) == {"p1", "p9"}

    def test_removing_a_product_leaves_that_of_another_store(self, finder: Finder, index: Index) -> None:
        index.write([entry("p1", "Red shoes", store=OTHER)], 2)
        index.write([Gone(STORE, ProductId("p1"))], 3)
        assert ids(finder, "red", store=OTHER) == ["p1"]

    # Filters, facets, orders, pages

    def test_filters_narrow_each_other_and_values_of_one_widen(self, finder: Finder) -> None:
        def narrowed(**filters: object) -> list[str]:
            return sorted(ids(finder, "shoes", filters=Filters(**filters)))  # type: ignore[arg-type]

        assert narrowed(values={"brand": ("Runwell",)}) == ["p1", "p2"]
        assert narrowed(values={"brand": ("O'Brien & Söhne",)}) == ["p3"]
        assert narrowed(values={"brand": ("Runwell", "Shine")}) == ["p1", "p2", "p4"]
        assert narrowed(values={"category": ("cat_shoes",)}) == ["p1", "p2", "p3"]
        assert narrowed(values={"option.size": ("44",)}) == ["p2", "p3"]
        assert narrowed(values={"option.size": ("44",), "option.colour": ("blue",)}) == ["p2"]
        assert narrowed(values={"option.Size": ("44",)}) == ["p2", "p3"]
        assert narrowed(values={"option.never": ("44",)}) == []
        assert narrowed(values={"seller": ("sel_2",)}) == ["p3"]
        assert narrowed(price=(4_000, 6_000)) == ["p1", "p2"]
        assert narrowed(price=(None, 5_999)) == ["p1"]
        assert narrowed(price=(6_001, None)) == ["p3"]
        assert narrowed(rating=400) == ["p1"]
        assert narrowed(in_stock=True) == ["p1", "p2", "p4"]
        assert narrowed(values={"brand": ()}) == ["p1", "p2", "p3", "p4"]

    def test_a_facet_counts_under_all_filters_but_its_own(self, finder: Finder) -> None:
        names = ("brand", "category", "option.size", "in_stock", "rating", "seller")
        facets = found(finder, "shoes", facets=names, filters=Filters({"brand": ("Runwell",)}, in_stock=True)).facets
        assert facets["brand"] == (("Runwell", 2), ("Shine", 1))
        assert facets["category"] == (("cat_running", 2), ("cat_shoes", 2))
        assert facets["option.size"] == (("38", 1), ("39", 1), ("44", 1))
        assert facets["in_stock"] == (("true", 2),)
        assert facets["rating"] == (("4", 1), ("3", 2), ("2", 2), ("1", 2))
        assert facets["seller"] == ()

    def test_facets_are_the_same_where_they_are_counted_beside_the_candidates(
        self, finder: Finder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rules = SearchRules(pins=(Pin("shoes", products=(ProductId("p3"),), boost={ProductId("p4"): 2.0}),))
        more = {"rules": rules, "facets": ("brand", "category", "price"), "filters": Filters({"brand": ("Runwell",)})}
        searches = ("", "shoes", "running shoes", "runing shoes", "shoes nowhere")
        usual = [found(finder, typed, **more) for typed in searches]
        monkeypatch.setattr(finder_module, "_WORTH_A_THREAD", 0)
        assert [found(finder, typed, **more) for typed in searches] == usual

    def test_price_ranges_hold_all_that_has_a_price(self, index: Index) -> None:
        prices = [199, 250, 999, 1_000, 1_499, 2_500, 5_000, 7_499, 20_000, 999_999]
        index.write([entry(f"p{price}", "Lamp", price=price) for price in prices] + [entry("p0", "Lamp")], 1)
        ranges = found(Finder(index), "lamp", facets=("price",)).facets["price"]
        assert sum(count for _, count in ranges) == len(prices)
        for text, count in ranges:
            low, _, high = text.partition("-")
            filters = Filters(price=(int(low) if low else None, int(high) if high else None))
            assert found(Finder(index), "lamp", filters=filters).total == count

    def test_each_order_has_its_numbers_in_order(self, finder: Finder) -> None:
        assert ids(finder, "shoes", sort="price_up") == ["p1", "p2", "p3", "p4"]
        assert ids(finder, "shoes", sort="price_down") == ["p3", "p2", "p1", "p4"]
        assert ids(finder, "shoes", sort="newest") == ["p1", "p2", "p3", "p4"]
        assert ids(finder, "shoes", sort="rating")[:2] == ["p1", "p2"]
        assert ids(finder, "shoes", sort="best_selling")[:2] == ["p2", "p1"]

    @pytest.mark.parametrize("sort", ["relevance", "price_up", "price_down", "newest", "rating", "best_selling"])
    @pytest.mark.parametrize("text", ["", "lamp", "red lamp"])
    def test_pages_have_every_hit_once(self, index: Index, sort: str, text: str) -> None:
        index.write([entry(f"p{place:03}", "Red lamp", price=place % 3) for place in range(150)], 1)
        finder = Finder(index)
        pages = [ids(finder, text, sort=sort, offset=offset, limit=7) for offset in range(0, 160, 7)]
        together = [each for page in pages for each in page]
        assert len(together) == 150
        assert len(set(together)) == 150
        assert pages[:3] == [ids(finder, text, sort=sort, offset=offset, limit=7) for offset in (0, 7, 14)]

    def test_paging_ends_where_it_is_deep(self, finder: Finder) -> None:
        assert ids(finder, "shoes", offset=1_000) == []
        assert ids(finder, "shoes", offset=5_000, sort="price_up") == []
        assert found(finder, "shoes", offset=1_000).total == 4

    # What shoppers type

    @pytest.mark.parametrize(
        "typed", ["runing shoes", "shoes runnning", "runnign", "rnning shoes", "RED  Runnig", "rumning shoes"]
    )
    def test_a_slip_finds_what_was_meant(self, finder: Finder, typed: str) -> None:
        assert ids(finder, typed)[0] in ("p1", "p2")
        assert found(finder, typed).searched != ""

    @pytest.mark.parametrize(("title", "typed"), [("Linen shirts", "shrit"), ("Linen shirt", "shrits")])
    def test_a_slip_in_the_other_number_finds_what_was_meant(self, index: Index, title: str, typed: str) -> None:
        index.write([entry("p1", title), entry("p2", "Something else")], 1)
        assert ids(Finder(index), typed) == ["p1"]

    @pytest.mark.parametrize(
        ("title", "typed"),
        [
            ("Olive oil 12 oz", "olive oil 12oz"),
            ("Olive oil 12oz", "olive oil 12 ounces"),
            ('Monitor 24"', "24 inch monitor"),
            ("Monitor 24-inch", '24" monitor'),
            ("Jacket XXL", "jacket 2xl"),
            ("Sony WH-1000XM4 headphones", "wh1000xm4"),
            ("Sony WH1000XM4 headphones", "wh-1000xm4"),
            ("Waterproof jacket", "water proof jacket"),
            ("Water proof jacket", "waterproof jacket"),
            ("T-shirt", "tshirt"),
            ("Tshirt", "t-shirt"),
            ("Women's boots", "womens boots"),
            ("Café crème", "cafe creme"),
            ("Knives and shelves", "knife shelf"),
        ],
    )
    def test_ways_of_writing_are_one(self, index: Index, title: str, typed: str) -> None:
        others = [entry(f"o{place}", f"Something else {place}") for place in range(30)]
        index.write([entry("p1", title), *others], 1)
        result = found(Finder(index), typed)
        assert [hit.id for hit in result.hits] == ["p1"]
        assert result.total == 1

    def test_codes_are_found_whole(self, index: Index) -> None:
        index.write([entry("p1", "Drill", codes=("BO-4711.X", "4006381333931")), entry("p2", "Drill")], 1)
        for typed in ("BO-4711.X", "bo4711x", "4006381333931"):
            assert ids(Finder(index), typed) == ["p1"]

    def test_synonyms_go_one_way_or_both(self, index: Index) -> None:
        index.write([entry("p1", "Sofa"), entry("p2", "Couch"), entry("p3", "Sofa bed")], 1)
        both = SearchRules(synonyms=(Synonym(("sofa", "couch")),))
        one = SearchRules(synonyms=(Synonym(("sofa bed",), instead_of="couch"),))
        assert set(ids(Finder(index), "couch", rules=both)) == {"p1", "p2", "p3"}
        assert set(ids(Finder(index), "sofa", rules=both)) == {"p1", "p2", "p3"}
        assert set(ids(Finder(index), "couch", rules=one)) == {"p2", "p3"}
        assert set(ids(Finder(index), "sofa", rules=one)) == {"p1", "p3"}

    def test_a_language_has_its_own_stems_and_stop_words(self, index: Index) -> None:
        index.write([entry("p1", "Hosen für Kinder", language="de"), entry("p2", "Jacke", language="de")], 1)
        assert ids(Finder(index), "eine Hose", rules=SearchRules(language="de")) == ["p1"]
        assert ids(Finder(index), "Jacken", rules=SearchRules(language="de")) == ["p2"]

    def test_names_that_are_no_ascii_are_options_too(self, index: Index) -> None:
        index.write([entry("p1", "Hose", options={"größe.1 \\": ("44", 'a"b')})], 1)
        finder = Finder(index)
        assert ids(finder, "hose", filters=Filters({"option.Größe.1 \\": ('a"b',)})) == ["p1"]
        facets = found(finder, "hose", facets=("option.größe.1 \\",)).facets
        assert facets["option.größe.1 \\"] == (("44", 1), ('a"b', 1))

    def test_stop_words_never_empty_a_search(self, index: Index) -> None:
        index.write([entry("p1", "The The: Soul Mining"), entry("p2", "Soul food")], 1)
        assert ids(Finder(index), "the the") == ["p1"]
        assert ids(Finder(index), "soul", rules=SearchRules(stop_words=("soul",)))

    def test_pinned_products_lead_and_boosted_ones_rise(self, finder: Finder) -> None:
        pin = Pin("Running Shoes", products=(ProductId("p4"), ProductId("p_never"), ProductId("p2")))
        assert ids(finder, "running  shoes", rules=SearchRules(pins=(pin,)))[:2] == ["p4", "p2"]
        assert ids(finder, "red shoes", rules=SearchRules(pins=(pin,)))[0] == "p1"
        pages = [ids(finder, "running shoes", rules=SearchRules(pins=(pin,)), offset=at, limit=1) for at in range(4)]
        assert pages[:2] == [["p4"], ["p2"]]
        assert sorted(each for page in pages for each in page) == ["p1", "p2", "p3", "p4"]
        filtered = found(
            finder, "running shoes", rules=SearchRules(pins=(pin,)), filters=Filters({"brand": ("Runwell",)})
        )
        assert [hit.id for hit in filtered.hits] == ["p2", "p1"]
        assert filtered.total == 2
        lifted = Pin("running shoes", boost={ProductId("p3"): 50.0})
        assert ids(finder, "running shoes", rules=SearchRules(pins=(lifted,)))[0] == "p3"
        lowered = Pin("running shoes", boost={ProductId("p1"): 0.0})
        assert ids(finder, "running shoes", rules=SearchRules(pins=(lowered,)))[-1] == "p1"

    def test_reasons_sum_to_the_score(self, finder: Finder) -> None:
        for hit in found(finder, "running shoes", explain=True).hits:
            assert hit.reasons
            assert sum(hit.reasons.values()) == pytest.approx(hit.score)
        assert all(not hit.reasons for hit in found(finder, "running shoes").hits)

    @pytest.mark.parametrize("typed", HOSTILE)
    def test_whatever_is_typed_gets_an_answer(self, finder: Finder, typed: str) -> None:
        assert found(finder, typed, facets=("brand", "price", "option.\x00*")).total >= 0
        finder.suggest(STORE, typed, 6, SearchRules())

    @pytest.mark.parametrize("value", ["*", "a:b", "/", '"', "\\", "\x00", "x" * 255, "", "sto_2/p9"])
    def test_whatever_is_filtered_by_gets_an_answer(self, finder: Finder, value: str) -> None:
        for name in ("brand", "category", "seller", "option.size", f"option.{value}"):
            assert ids(finder, "shoes", filters=Filters({name: (value,)})) == []
        assert finder.similar(STORE, ProductId(value), 5) == ()

    # Suggestions, and what is alike

    def test_suggestions_begin_with_what_is_typed(self, finder: Finder) -> None:
        suggested = finder.suggest(STORE, "ru", 6, SearchRules())
        assert suggested.terms[:2] == ("running", "runwell")
        assert set(suggested.products) == {"p1", "p2"}
        assert finder.suggest(STORE, "red run", 6, SearchRules()).terms == ("red running",)
        assert finder.suggest(STORE, "zz", 6, SearchRules()).terms == ()
        assert finder.suggest(STORE, "  ", 6, SearchRules()).terms == ()

    def test_suggestions_forgive_a_slip_from_the_third_letter_on(self, finder: Finder) -> None:
        for typed in ("rnu", "runm", "runnn"):
            assert "running" in finder.suggest(STORE, typed, 6, SearchRules()).terms

    def test_what_is_alike_is_of_the_same_kind(self, finder: Finder) -> None:
        assert [hit.id for hit in finder.similar(STORE, ProductId("p1"), 5)] == ["p2"]
        assert finder.similar(STORE, ProductId("p_never"), 5) == ()

    # Words

    def test_the_vocabulary_keeps_level_with_the_entries(self, finder: Finder, index: Index) -> None:
        assert index.vocabulary(STORE).entries == 4
        assert index.vocabulary(STORE).count("shoes") == 3
        index.write([entry("p5", "Sandals")], 2)
        assert index.vocabulary(STORE).count("sandals") == 1
        assert ids(finder, "sandlas") == ["p5"]

    def test_a_large_batch_is_written_whole(self, index: Index) -> None:
        entries: list[Entry] = [entry(f"p{place}", f"Thing {place}") for place in range(3_000)]
        index.write(entries, 1)
        assert found(Finder(index), "thing").total == 3_000
        assert ids(Finder(index), "thing 1234")[0] == "p1234"
