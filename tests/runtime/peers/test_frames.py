"""Nobody is believed who is not signed for the connection: forged, changed, repeated, reordered, of another version."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.runtime.access.keyring import Keyring
from mercato.runtime.peers import frames
from mercato.runtime.peers.frames import VERSION, BadFrame, Goodbye, Hello, News, Opening, Sealing, Sent, Wants, Welcome
from mercato.values.messages import Caller
from tests.runtime.cluster import until
from tests.runtime.notebook import Do
from tests.runtime.peers.wire import KEYS, Stranger, Wire, raw, wired

KEYRING = Keyring("k1", KEYS)
DO = Sent(1, "do", "tests.runtime.notebook.Do", raw(Do("a", "look", 1)), Caller(store="sto_one"), 5.0)
NEWS = News("notebook", 1, 1, (), (("sto_one", "a"),))


def _pair() -> tuple[Sealing, Opening]:
    return Sealing(KEYRING, b"in"), Opening(KEYRING, b"in")


@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=5), cuts=st.lists(st.integers(1, 60), max_size=20))
def test_frames_are_read_however_the_bytes_are_cut(counts: list[int], cuts: list[int]) -> None:
    sealing, opening = _pair()
    sent = [[Goodbye()] * count for count in counts]
    data = b"".join(sealing.seal(list(items)) for items in sent)
    found = []
    for cut in cuts:
        found += list(opening.read(data[:cut]))
        data = data[cut:]
    found += list(opening.read(data))
    assert found == sent


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_frame_with_one_changed_bit_is_never_taken(place: int, bit: int) -> None:
    sealing, opening = _pair()
    frame = bytearray(sealing.seal([DO]))
    frame[place % len(frame)] ^= 1 << bit
    try:
        taken = list(opening.read(bytes(frame)))
    except BadFrame:
        return
    assert taken == []  # the length was changed: more is awaited


def test_a_frame_counts_once_in_its_place_in_its_direction_and_on_its_connection() -> None:
    sealing, opening = _pair()
    first, second = sealing.seal([DO]), sealing.seal([DO])
    with pytest.raises(BadFrame):
        list(opening.read(second))  # the first one was left out
    opening = _pair()[1]
    assert len(list(opening.read(first))) == 1
    with pytest.raises(BadFrame):
        list(opening.read(first))  # again
    back = Opening(KEYRING, b"out")
    with pytest.raises(BadFrame):
        list(back.read(first))
    bound = _pair()[1]
    bound.bind(b"drawn by others")
    with pytest.raises(BadFrame):
        list(bound.read(first))


@pytest.mark.parametrize("frame", [b"\0\0\0\0", b"\0\0\0\1\xff", struct.pack(">I", 2**31), b"\0\0\0\3\2k1"])
def test_what_has_not_even_the_form_of_a_frame_is_refused(frame: bytes) -> None:
    with pytest.raises(BadFrame):
        list(_pair()[1].read(frame + b"x" * 8))


def test_many_items_leave_in_as_many_frames_as_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them may be sent: so may all together."""
    monkeypatch.setattr(frames, "LONGEST", 2_000)
    sealing, opening = _pair()
    data = b"".join(sealing.seal_all([DO] * 100, print))
    assert [item for items in opening.read(data) for item in items] == [DO] * 100


# At a door.


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with wired() as made:
        yield made


def _taken(wire: Wire) -> int:
    return len(wire.behind[0].came)


async def test_who_has_greeted_is_served(wire: Wire) -> None:
    stranger = await Stranger.at(wire.ports[0])
    await stranger.greet()
    stranger.say(DO)
    await until(lambda: _taken(wire) == 1)
    await stranger.leave()


Attack = Callable[[Stranger], Any]


def _forged(stranger: Stranger) -> None:
    frame = bytearray(stranger.sealing.seal([DO]))
    frame[10] ^= 1
    stranger.writer.write(bytes(frame))


def _changed(stranger: Stranger) -> None:
    stranger.writer.write(stranger.sealing.seal([DO]).replace(b"look", b"took"))


def _out_of_turn(stranger: Stranger) -> None:
    stranger.sealing.seal([DO])
    stranger.say(DO)


def _too_long(stranger: Stranger) -> None:
    stranger.writer.write(struct.pack(">I", frames.LONGEST + 1))


def _of_the_door(stranger: Stranger) -> None:
    stranger.say(NEWS)


def _greets_again(stranger: Stranger) -> None:
    stranger.say(Hello(VERSION, b"d" * 32, "again", (), {}))


@pytest.mark.parametrize("attack", [_forged, _changed, _out_of_turn, _too_long, _of_the_door, _greets_again])
async def test_a_connection_with_a_bad_frame_is_closed_and_nothing_of_it_is_done(wire: Wire, attack: Attack) -> None:
    stranger = await Stranger.at(wire.ports[0])
    await stranger.greet()
    attack(stranger)
    stranger.say(DO)
    assert await stranger.is_shut_out()
    assert _taken(wire) == 0
    assert "bad_frame" in _log(wire)
    await stranger.leave()


def _log(wire: Wire) -> str:
    text: str = wire.doors[0].parts.telemetry.log._stream.getvalue()  # type: ignore[attr-defined]
    return text


async def test_what_was_recorded_of_one_connection_is_refused_on_another(wire: Wire) -> None:
    first = await Stranger.at(wire.ports[0])
    await first.greet()
    recorded = first.say(DO)
    assert len(await first.items()) == 1
    first.writer.write(recorded)
    assert await first.is_shut_out()
    second = await Stranger.at(wire.ports[0])
    await second.greet()
    second.writer.write(recorded)
    assert await second.is_shut_out()
    assert _taken(wire) == 1
    await first.leave()
    await second.leave()


async def test_who_has_another_key_is_shut_out(wire: Wire) -> None:
    stranger = await Stranger.at(wire.ports[0], {"k1": b"2" * 32})
    stranger.say(Hello(VERSION, b"d" * 32, "stranger", (), {}))
    assert b"w" in await stranger._reader.read(4_096)  # the welcome, which says nothing secret
    assert await stranger.is_shut_out()
    await stranger.leave()


@pytest.mark.parametrize("first", [DO, Wants({}), Goodbye()])
async def test_nothing_is_taken_before_a_greeting(wire: Wire, first: Any) -> None:
    stranger = await Stranger.at(wire.ports[0])
    await stranger.items()
    stranger.say(first)
    assert await stranger.is_shut_out()
    assert _taken(wire) == 0
    await stranger.leave()


async def test_who_speaks_another_version_is_shut_out_and_told_why_in_the_log(wire: Wire) -> None:
    stranger = await Stranger.at(wire.ports[0])
    await stranger.greet(VERSION + 1)
    assert await stranger.is_shut_out()
    assert f"it speaks version {VERSION + 1}, this process speaks {VERSION}" in _log(wire)
    await stranger.leave()


@pytest.mark.parametrize("key", [b"1" * 32, b"2" * 32], ids=["version", "key"])
async def test_a_link_does_not_believe_a_door_of_another_version_or_key(wire: Wire, key: bytes) -> None:
    version = VERSION + 1 if key == KEYS["k1"] else VERSION
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(Sealing(Keyring("k1", {"k1": key}), b"out").seal([Welcome(version, b"d", "x", ("notebook",))]))
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        closed.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    link = wire.links[0]
    other = type(link)(wire.parts, server.sockets[0].getsockname(), link._introduction, wire.heard.append, print)
    other.start()
    await asyncio.wait_for(closed.wait(), 10.0)
    assert not other.ready
    assert other.services == ()
    other.stop()
    server.close()
    await asyncio.sleep(0.05)
