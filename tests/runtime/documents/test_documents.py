"""What every engine of documents does alike: bodies, versions, stores, batches, events, keys."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.runtime.answers import Answer
from mercato.services.carts.domain import CartDocument, Line, Merged, Taken
from mercato.values.ids import BuyerId, CartId, OrderId, ProductId, VariantId
from mercato.values.messages import Conflict, Failed, KeyReused
from tests.runtime.documents.shelves import ANN, BOB, OTHER, Shelves, key
from tests.runtime.shelf import CARTS, Keep, Look, Move, Put, PutAt, Unwanted
from tests.runtime.wishes import Wished

_texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20)
_whole = st.integers(0, 2**53)
_lines = st.lists(
    st.builds(
        Line,
        _texts.map(VariantId),
        _texts.map(ProductId),
        *[_texts] * 6,
        _whole,
        _whole,
    ),
    max_size=3,
).map(tuple)
CART = st.builds(
    CartDocument,
    buyer=_texts.map(BuyerId),
    currency=_texts,
    lines=_lines,
    locked_by=_texts,
    taken=st.dictionaries(_texts.map(OrderId), st.builds(Taken, _texts, _lines), max_size=2),
    merged=st.one_of(
        st.none(),
        st.builds(Merged, _texts.map(CartId), _whole, st.dictionaries(_texts.map(VariantId), _whole, max_size=2)),
    ),
)


async def test_what_is_saved_is_found_by_commands_and_questions(shelves: Shelves) -> None:
    one = shelves.start()
    assert await one.does(Look("a"), caller=ANN) == [()]
    assert (shelves.get("a"), shelves.version("a")) == ((), 0)
    assert await one.does(Put("a", "x"), caller=ANN) == [("x",)]
    assert await one.does(Put("a", "y"), Look("a"), caller=ANN) == [("x", "y"), ("x", "y")]
    assert (shelves.get("a"), shelves.version("a")) == (("x", "y"), 2)


async def test_every_cart_comes_back_as_it_was(shelves: Shelves) -> None:
    one = shelves.start()
    drawn: list[list[CartDocument]] = []

    @given(carts=st.lists(CART, min_size=1, max_size=4))
    @settings(max_examples=25, database=None)
    def draw(carts: list[CartDocument]) -> None:
        drawn.append(carts)

    draw()
    for place, carts in enumerate(drawn):
        await one.does(*(Keep(f"c{place}", cart) for cart in carts), caller=ANN)
    with shelves.reading() as reader:
        found = [reader.load(CARTS, f"c{place}") for place in range(len(drawn))]
    assert [each and (each.version, each.body) for each in found] == [(len(carts), carts[-1]) for carts in drawn]


async def test_a_save_of_another_version_is_refused_and_changes_nothing(shelves: Shelves) -> None:
    one = shelves.start()
    await one.does(Put("a", "x"), Put("a", "y"), caller=ANN)
    before = shelves.told()
    assert [type(each) for each in await one.does(PutAt("a", 1, "z"), caller=ANN)] == [Conflict]
    assert [type(each) for each in await one.does(PutAt("a", 0, "z"), caller=ANN)] == [Conflict]
    assert [type(each) for each in await one.does(PutAt("b", 1, "z"), caller=ANN)] == [Conflict]
    assert (shelves.get("a"), shelves.get("b"), shelves.told()) == (("x", "y"), (), before)
    assert await one.does(PutAt("a", 2, "z"), caller=ANN) == [("z",)]


async def test_two_stores_have_documents_of_one_id(shelves: Shelves) -> None:
    one = shelves.start()
    await one.does(Put("a", "x"), caller=ANN)
    assert await one.does(Look("a"), caller=BOB) == [()]
    assert await one.does(Put("a", "y"), caller=BOB) == [("y",)]
    assert (shelves.get("a"), shelves.get("a", OTHER)) == (("x",), ("y",))
    assert await one.does(Put("a", "z"), Look("a"), caller=ANN) == [("x", "z"), ("x", "z")]
    assert (shelves.version("a"), shelves.version("a", OTHER)) == (2, 1)


async def test_many_saves_of_one_batch_are_all_there_and_told_in_order(shelves: Shelves) -> None:
    one = shelves.start()
    for _ in range(2):
        outcomes = await one.does(*(Put(name, str(place)) for place in range(20) for name in "abc"), caller=ANN)
        assert len(outcomes) == 60
    words = tuple(str(place) for place in range(20)) * 2
    assert [shelves.get(name) for name in "abc"] == [words] * 3
    assert shelves.told() == [
        (name, start + place + 1, words[: start + place + 1])
        for start in (0, 20)
        for place in range(20)
        for name in "abc"
    ]


async def test_who_refuses_or_fails_after_a_save_has_changed_nothing(shelves: Shelves) -> None:
    one = shelves.start()
    wrong = (Put("a", "2", "refuse"), Put("a", "3", "break"), Put("b", "4", "refuse"), PutAt("a", 7, "5"))
    outcomes = await one.does(Put("a", "1"), *wrong, Put("a", "6"), Put("c", "7"), caller=ANN)
    assert [outcomes[0], *outcomes[5:]] == [("1",), ("1", "6"), ("7",)]
    assert [type(each) for each in outcomes[1:5]] == [Unwanted, Failed, Unwanted, Conflict]
    assert [shelves.get(name) for name in "abc"] == [("1", "6"), (), ("7",)]
    assert [(name, version) for name, version, _ in shelves.told()] == [("a", 1), ("a", 2), ("c", 1)]


async def test_an_event_whose_effect_failed_leaves_the_others(shelves: Shelves) -> None:
    one = shelves.start()
    await one.does(Put("a", "1"), caller=ANN)
    await one.does(Put("a", "2", "refuse"), Wished("a", "put", 3), Wished("b", "put", 4), caller=ANN)
    assert (shelves.get("a"), shelves.get("b")) == (("1", "3"), ("4",))


async def test_a_key_has_one_effect_and_one_answer(shelves: Shelves) -> None:
    one = shelves.start()
    first = await one.does((Put("a", "x"), key("k")), (Put("a", "x"), key("k")), caller=ANN)
    assert first == [Answer(201, b'["x"]', None)] * 2
    assert await one.does((Put("a", "x"), key("k")), caller=ANN) == first[:1]
    assert isinstance((await one.does((Put("a", "x"), key("k", "other")), caller=ANN))[0], KeyReused)
    refused = await one.does((Put("a", "y", "refuse"), key("r")), caller=ANN)
    assert refused == await one.does((Put("a", "y", "refuse"), key("r")), caller=ANN)
    assert (shelves.get("a"), len(shelves.told())) == (("x",), 1)


async def test_what_is_moved_is_in_one_place(shelves: Shelves) -> None:
    one = shelves.start()
    await one.does(Put("a", "1"), Put("b", "2"), Move("a", "b"), Put("a", "3"), Move("b", "c"), caller=ANN)
    assert [shelves.get(name) for name in "abc"] == [("3",), (), ("2", "1")]
    assert await one.does(Move("c", "a"), Look("c"), Look("a"), caller=ANN) == [("3", "2", "1"), (), ("3", "2", "1")]


async def test_two_documents_are_moved_to_and_fro_in_one_batch(shelves: Shelves) -> None:
    """Where no transaction has both, each must be written before the other: that is refused to the second mover."""
    one = shelves.start()
    await one.does(Put("a", "1"), caller=ANN)
    outcomes = await one.does(Move("a", "b"), Move("b", "a"), caller=ANN)
    assert outcomes[0] == ("1",)
    assert shelves.get("a") + shelves.get("b") == ("1",)


async def test_two_processes_that_add_to_one_document_lose_nothing(shared_shelves: Shelves) -> None:
    both = shared_shelves.start(), shared_shelves.start()
    for place in range(15):
        await asyncio.gather(
            *(
                each.does(Put("a", f"{name}{place}"), Put(name, "x"), caller=ANN)
                for each, name in zip(both, "bc", strict=True)
            )
        )
    words = shared_shelves.get("a")
    assert sorted(words) == sorted(f"{name}{place}" for name in "bc" for place in range(15))
    told = shared_shelves.told()
    assert [event for event in told if event[0] == "a"] == [("a", n, words[:n]) for n in range(1, 31)]
    assert len(told) == 60


@pytest.mark.parametrize("name", ["a", "ключ-ß-👍", "x y", "a.b$c", "A"])
async def test_any_id_will_do(shelves: Shelves, name: str) -> None:
    one = shelves.start()
    await one.does(Put(name, "x"), caller=ANN)
    await one.does(Put(name, "y"), caller=ANN)
    assert (shelves.get(name), shelves.version(name)) == (("x", "y"), 2)
