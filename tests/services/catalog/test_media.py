"""Media of products: commands and their refusals, the worker and its kills, the sweep of what never came."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from mercato.contracts.catalog import (
    AwaitMedia,
    ChangeMedia,
    CompleteMedia,
    GetMedia,
    ListMedia,
    ListProducts,
    Media,
    ProductChanged,
    RemoveMedia,
    ReplaceProduct,
    TooManyMedia,
)
from mercato.services.catalog import work
from mercato.services.catalog.commands import media as media_commands
from mercato.services.catalog.jobs import forget_unclaimed_media
from mercato.values.clock import DAY, HOUR, MINUTE
from mercato.values.ids import MediaId
from mercato.values.messages import Caller, Conflict, Forbidden, Invalid, NotFound
from tests.services.catalog.conftest import DRAFT, NAMES, PRODUCT, STORE, Stage
from tests.services.catalog.photographs import photograph
from tests.services.conftest import settled, staff, system, until, user

# From an upload to a picture.


async def test_a_picture_is_awaited_checked_and_shown(stage: Stage) -> None:
    awaited = await stage.awaited(photograph(), alt="In red", option_value="Red")
    assert (awaited.state, awaited.version, awaited.picture) == ("awaited", 1, None)
    assert awaited.expires_at == stage.node.clock.now() + 15 * MINUTE
    checking = await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
    assert checking.state == "checking"
    await settled(stage.node)
    ready = await stage.get(awaited)
    picture = ready.picture
    assert picture is not None
    assert (ready.state, ready.reason, picture.media_id, picture.alt) == ("ready", "", awaited.id, "In red")
    assert (picture.width, picture.height, [size.width for size in picture.sizes]) == (800, 600, [160, 320, 640, 800])
    urls = [picture.url, *(size.url for size in picture.sizes)]
    assert sorted(url.removeprefix("/media/") for url in urls) == stage.files()  # what was uploaded is gone
    assert [url.rpartition(".")[2] for url in urls] == ["jpg", "webp", "webp", "webp", "webp"]


async def test_the_product_its_card_and_its_event_tell_of_the_picture(stage: Stage) -> None:
    before = await stage.product()
    ready = await stage.shown(alt="In red")
    assert ready.picture is not None
    product = await stage.product()
    assert (product.version, product.images[0], product.images[1:]) == (2, ready.picture, before.images)
    (card,) = (await stage.calls.ask(ListProducts(), system(STORE))).items
    assert (card.picture, card.image, card.image_alt) == (ready.picture, ready.picture.url, "In red")
    event = stage.node.told_of(ProductChanged)[-1]
    assert event.pictures == (ready.picture,)
    assert event.image == ready.picture.sizes[1].url  # which is wide enough beside a line of a cart


async def test_a_picture_of_a_variant_or_a_value_is_that_of_its_variants(stage: Stage) -> None:
    small_red = (await stage.product()).variants[0]
    red = await stage.shown(option_value="Red")
    own = await stage.shown(variant_id=small_red.id)
    assert red.picture is not None
    assert own.picture is not None
    product = await stage.product()
    assert [variant.image for variant in product.variants] == [own.picture.url, red.picture.url, "", ""]


@pytest.mark.parametrize("given", [{"variant_id": "var_of_another"}, {"option_value": "Green"}])
async def test_a_picture_of_what_the_product_has_not_is_refused(stage: Stage, given: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        await stage.awaited(**given)
    assert await stage.calls.ask(ListMedia(PRODUCT), staff(STORE)) == ()
    ready = await stage.shown()
    with pytest.raises(Invalid):
        await stage.calls.do(ChangeMedia(ready.id, **given), staff(STORE))
    assert await stage.get(ready) == ready


async def test_a_product_has_so_many_pictures_and_no_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_commands, "MOST_MEDIA", 2)
    await stage.awaited()
    await stage.awaited()
    with pytest.raises(TooManyMedia):
        await stage.awaited()
    assert len(await stage.calls.ask(ListMedia(PRODUCT), staff(STORE))) == 2


async def test_a_file_that_is_no_picture_is_refused_and_nothing_of_it_is_kept(stage: Stage) -> None:
    before = await stage.product()
    awaited = await stage.awaited(b"I am called a.jpg")
    await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
    await settled(stage.node)
    refused = await stage.get(awaited)
    assert (refused.state, refused.picture) == ("refused", None)
    assert refused.reason == "The file is no picture that we can read: send a JPEG, PNG, WebP, AVIF or GIF."
    assert (stage.files(), await stage.product()) == ([], before)
    assert await stage.calls.do(CompleteMedia(awaited.id), staff(STORE)) == refused


async def test_completing_what_never_came_is_refused_with_the_reason(stage: Stage) -> None:
    awaited = await stage.awaited()
    await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
    await settled(stage.node)
    refused = await stage.get(awaited)
    assert (refused.state, refused.reason) == ("refused", work.NO_FILE)


async def test_completing_twice_is_completing_once(stage: Stage) -> None:
    awaited = await stage.awaited(photograph())
    first = asyncio.ensure_future(stage.calls.do(CompleteMedia(awaited.id), staff(STORE)))
    second = await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
    assert await first == second
    await settled(stage.node)
    ready = await stage.get(awaited)
    assert await stage.calls.do(CompleteMedia(awaited.id), staff(STORE)) == ready
    assert await stage.gallery() == [awaited.id]


# Changes.


async def test_pictures_are_put_in_order(stage: Stage) -> None:
    one, two, three = [await stage.shown() for _ in range(3)]
    for media, position, order in (
        (three, 0, [three, one, two]),
        (three, 1, [one, three, two]),
        (one, 99, [three, two, one]),
        (two, 1, [three, two, one]),
    ):
        await stage.calls.do(ChangeMedia(media.id, position=position), staff(STORE))
        assert await stage.gallery() == [each.id for each in order]
    listed = await stage.calls.ask(ListMedia(PRODUCT), staff(STORE))
    assert [each.id for each in listed] == [three.id, two.id, one.id]


async def test_a_text_is_changed_before_and_after_a_picture_is_shown(stage: Stage) -> None:
    awaited = await stage.awaited(photograph(), alt="Old")
    changed = await stage.calls.do(ChangeMedia(awaited.id, if_version=1, alt="New"), staff(STORE))
    assert (changed.alt, changed.version, changed.state) == ("New", 2, "awaited")
    await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
    await settled(stage.node)
    ready = await stage.get(awaited)
    assert ready.picture is not None
    assert ready.picture.alt == "New"
    with pytest.raises(Conflict):
        await stage.calls.do(ChangeMedia(awaited.id, if_version=1, alt="Late"), staff(STORE))
    last = await stage.calls.do(ChangeMedia(awaited.id, alt=""), staff(STORE))
    assert last.picture is not None
    assert (last.alt, last.picture.alt, (await stage.product()).images[0].alt) == ("", "", "")


async def test_a_picture_that_is_removed_is_gone_with_its_files_and_touches_no_other(stage: Stage) -> None:
    before = await stage.product()
    content = photograph()
    for _ in range(2):  # the same picture twice
        awaited = await stage.awaited(content)
        await stage.calls.do(CompleteMedia(awaited.id), staff(STORE))
        await settled(stage.node)
    first, second = await stage.gallery()
    assert len(stage.files()) == 2 * NAMES
    await stage.calls.do(RemoveMedia(MediaId(first)), staff(STORE))
    await settled(stage.node)
    assert (await stage.gallery(), len(stage.files())) == ([second], NAMES)
    await stage.calls.do(RemoveMedia(MediaId(second)), staff(STORE))
    await settled(stage.node)
    assert (stage.files(), (await stage.product()).images) == ([], before.images)
    with pytest.raises(NotFound):
        await stage.calls.do(RemoveMedia(MediaId(second)), staff(STORE))


async def test_a_product_that_is_given_anew_keeps_its_pictures(stage: Stage) -> None:
    ready = await stage.shown()
    draft = msgspec.structs.replace(DRAFT, title="Shirt of linen", images=())
    replaced = await stage.calls.do(ReplaceProduct(PRODUCT, draft), staff(STORE))
    assert replaced.images == (ready.picture,)


@pytest.mark.parametrize(
    "message",
    [
        lambda media: GetMedia(media.id),
        lambda media: CompleteMedia(media.id),
        lambda media: ChangeMedia(media.id, alt="Theirs"),
        lambda media: RemoveMedia(media.id),
        lambda media: ListMedia(media.product_id),
        lambda media: AwaitMedia(MediaId("med_x"), media.product_id, "a.jpg", "image/jpeg", 1),
    ],
)
async def test_another_store_finds_nothing_and_a_shopper_may_nothing(
    stage: Stage, message: Callable[[Media], Any]
) -> None:
    ready = await stage.shown()
    asked = message(ready)
    send: Callable[[Any, Caller], Awaitable[Any]] = (
        stage.calls.ask if isinstance(asked, GetMedia | ListMedia) else stage.calls.do
    )
    with pytest.raises(NotFound):
        await send(asked, staff("sto_second"))
    with pytest.raises(Forbidden):
        await send(asked, user(STORE, "usr_1"))
    await settled(stage.node)
    assert (await stage.get(ready), len(stage.files())) == (ready, NAMES)


# What never came.


async def test_uploads_that_never_came_are_forgotten_with_what_came_of_them(stage: Stage) -> None:
    never, came_unasked = await stage.awaited(), await stage.awaited(photograph())
    ready, asked_late = await stage.shown(), await stage.awaited()
    refused = await stage.awaited(b"no picture")
    await stage.calls.do(CompleteMedia(refused.id), staff(STORE))
    await settled(stage.node)

    async def left_after(milliseconds: int) -> set[str]:
        stage.node.clock.advance(milliseconds)
        await forget_unclaimed_media(stage.calls, stage.node.clock.now())
        await settled(stage.node)
        return {media.id for media in await stage.calls.ask(ListMedia(PRODUCT), staff(STORE))}

    everything = {media.id for media in (never, came_unasked, ready, asked_late, refused)}
    assert await left_after(HOUR) == everything
    await stage.upload(asked_late, photograph(900, 500))
    await stage.calls.do(CompleteMedia(asked_late.id), staff(STORE))
    await settled(stage.node)
    assert await left_after(HOUR) == {ready.id, refused.id, asked_late.id}
    await until(lambda: len(stage.files()) == 2 * NAMES)
    assert await left_after(30 * DAY) == {ready.id, asked_late.id}
