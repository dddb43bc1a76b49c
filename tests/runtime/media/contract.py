"""What every store of media must do. Each engine's tests inherit it."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from mercato.runtime.media.store import Expected, MediaStore, UploadTicket
from mercato.values.clock import MINUTE, Clock
from mercato.values.messages import NotFound

CONTENT = b"a picture, or so it says"
TYPE = "image/jpeg"

KEYS_THAT_ARE_NONE = [
    *(
        "",
        "a",
        "/a",
        "a/",
        "../a",
        "a/../b",
        "a/./b",
        "a//b",
        "a/b\0",
        "a/b\n",
        "a/.hidden",
        "a\\b/c",
        "a/b.c.d",
        "é/b",
    ),
    *("a/b/c/d/e", "a/" + "b" * 65, "a/%2e%2e", "a/b?c", "a/..", "~/a"),
]

Send = Callable[..., Awaitable[bool]]


class Harbour(msgspec.Struct):
    """A store of media, its clock, and how a program without rights sends an upload: whether it was taken."""

    media: MediaStore
    clock: Clock
    send: Send
    prefix: str

    def key(self, name: str) -> str:
        return f"sto_{self.prefix}/{name}"

    def ticket(self, name: str, *, size: int = len(CONTENT), life: int = MINUTE) -> UploadTicket:
        return self.media.presign_upload(Expected(self.key(name), TYPE, size, self.clock.now() + life))

    async def absent(self, name: str) -> bool:
        with pytest.raises(NotFound):
            await self.media.get(self.key(name))
        return True


class MediaContract:
    """The suite."""

    async def test_what_is_put_is_got_byte_by_byte(self, harbour: Harbour) -> None:
        content = bytes(range(256)) * 5_000
        await harbour.media.put(harbour.key("a.webp"), content, "image/webp")
        await harbour.media.put(harbour.key("empty.jpg"), b"", TYPE)
        assert await harbour.media.get(harbour.key("a.webp")) == content
        assert await harbour.media.get(harbour.key("empty.jpg")) == b""

    async def test_the_same_again_changes_nothing(self, harbour: Harbour) -> None:
        for _ in range(2):
            await harbour.media.put(harbour.key("twice.webp"), CONTENT, "image/webp")
        assert await harbour.media.get(harbour.key("twice.webp")) == CONTENT

    async def test_what_was_deleted_or_never_came_is_not_found(self, harbour: Harbour) -> None:
        await harbour.media.put(harbour.key("b.webp"), CONTENT, "image/webp")
        for _ in range(2):
            await harbour.media.delete(harbour.key("b.webp"))
            assert await harbour.absent("b.webp")
        await harbour.media.delete(harbour.key("never/came"))
        assert await harbour.absent("never/came")

    async def test_files_of_two_stores_are_kept_apart(self, harbour: Harbour) -> None:
        await harbour.media.put(f"sto_{harbour.prefix}1/c.webp", b"one", "image/webp")
        await harbour.media.put(f"sto_{harbour.prefix}2/c.webp", b"two", "image/webp")
        await harbour.media.delete(f"sto_{harbour.prefix}1/c.webp")
        assert await harbour.media.get(f"sto_{harbour.prefix}2/c.webp") == b"two"

    @pytest.mark.parametrize("key", KEYS_THAT_ARE_NONE)
    async def test_a_key_that_could_lead_elsewhere_is_none(self, harbour: Harbour, key: str) -> None:
        media = harbour.media
        with pytest.raises(ValueError, match="is no key"):
            await media.put(key, CONTENT, TYPE)
        with pytest.raises(ValueError, match="is no key"):
            await media.get(key)
        with pytest.raises(ValueError, match="is no key"):
            await media.delete(key)
        with pytest.raises(ValueError, match="is no key"):
            media.presign_upload(Expected(key, TYPE, 1, harbour.clock.now() + MINUTE))

    async def test_an_upload_comes_in_with_its_ticket(self, harbour: Harbour) -> None:
        ticket = harbour.ticket("uploads/good")
        assert (ticket.method, ticket.headers) == ("PUT", {"content-type": TYPE})
        assert await harbour.send(ticket, CONTENT)
        assert await harbour.media.get(harbour.key("uploads/good")) == CONTENT

    async def test_a_large_upload_comes_in_whole(self, harbour: Harbour) -> None:
        content = bytes(range(251)) * 20_000
        assert await harbour.send(harbour.ticket("uploads/large", size=len(content)), content)
        assert await harbour.media.get(harbour.key("uploads/large")) == content

    async def test_a_ticket_that_was_changed_is_refused(self, harbour: Harbour) -> None:
        ticket = harbour.ticket("uploads/changed")
        for place in (-1, -9, -20):
            letter = "0" if ticket.url[place] != "0" else "1"
            end = ticket.url[place + 1 :] if place < -1 else ""
            forged = msgspec.structs.replace(ticket, url=ticket.url[:place] + letter + end)
            assert not await harbour.send(forged, CONTENT)
        assert await harbour.absent("uploads/changed")

    async def test_a_ticket_for_another_key_is_refused(self, harbour: Harbour) -> None:
        mine, other = harbour.ticket("uploads/mine"), harbour.ticket("uploads/other")
        crossed = _crossed(mine.url, other.url)
        assert not await harbour.send(msgspec.structs.replace(mine, url=crossed), CONTENT)
        assert await harbour.absent("uploads/mine")
        assert await harbour.absent("uploads/other")

    async def test_a_ticket_that_has_expired_is_refused(self, harbour: Harbour) -> None:
        assert not await harbour.send(harbour.ticket("uploads/late", life=1_000), CONTENT, wait=3)
        assert await harbour.absent("uploads/late")

    async def test_a_ticket_that_is_made_too_late_opens_nothing(self, harbour: Harbour) -> None:
        assert not await harbour.send(harbour.ticket("uploads/past", life=-MINUTE), CONTENT)
        assert await harbour.absent("uploads/past")

    async def test_another_content_type_is_refused(self, harbour: Harbour) -> None:
        ticket = harbour.ticket("uploads/typed")
        html = msgspec.structs.replace(ticket, headers={"content-type": "text/html"})
        assert not await harbour.send(html, CONTENT)
        assert await harbour.absent("uploads/typed")

    @pytest.mark.parametrize("content", [CONTENT + b"!", CONTENT[:-1], b"", CONTENT * 100_000])
    async def test_a_body_of_another_length_is_refused(self, harbour: Harbour, content: bytes) -> None:
        assert not await harbour.send(harbour.ticket("uploads/length"), content)
        assert await harbour.absent("uploads/length")

    async def test_an_address_is_a_path_of_the_shop_unless_there_is_an_origin_for_it(self, harbour: Harbour) -> None:
        assert harbour.media.url_of(harbour.key("a.webp")) == f"/media/{harbour.key('a.webp')}"

    async def test_a_store_that_works_passes_its_check(self, harbour: Harbour) -> None:
        await harbour.media.check()


def _crossed(mine: str, other: str) -> str:
    """What one ticket asks for with the signature of the other: the signature ends both."""
    head, sign = mine, other
    for mark in ("X-Amz-Signature=", "."):
        if mark in mine:
            head, sign = mine.rpartition(mark)[0] + mark, other.rpartition(mark)[2]
            break
    assert head + sign not in (mine, other)
    return head + sign
