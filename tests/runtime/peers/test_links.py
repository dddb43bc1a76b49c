"""What happens to messages under way when links break, doors close, peers are slow, and many want something at once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.peers import door as door_module
from mercato.runtime.peers import frames, peer
from mercato.runtime.peers.frames import News, Opening
from mercato.runtime.slow_work.breaker import FAILURES
from mercato.values.messages import BUYER, Caller, Failed, Malformed, OutcomeUnknown, Overloaded, Unavailable
from tests.runtime.cluster import until
from tests.runtime.notebook import Do, GetPages
from tests.runtime.peers.wire import Behind, Wire, wired

CALLER = Caller(store="sto_one", buyer="usr_ann", roles=BUYER, request="req")
KEY = IdempotencyKey("scope", "k", "body", 201)
DO = Do("a", "look", 1)


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with wired() as made:
        yield made


@pytest.fixture
async def two() -> AsyncIterator[Wire]:
    """Two processes of the service."""
    async with wired(doors=2) as made:
        yield made


class Held:
    """Keeps who comes waiting until it is let go."""

    def __init__(self, *behind: Behind, reply: Any = 7) -> None:
        self.free = asyncio.Event()
        self.came = 0
        self.ended = 0
        self._reply = reply
        for each in behind:
            each.reply = self

    async def __call__(self, _message: Any) -> Any:
        self.came += 1
        try:
            await self.free.wait()
        finally:
            self.ended += 1
        return self._reply


def _cut(wire: Wire, place: int = 0) -> None:
    """The connection of a door is gone, as when a cable is pulled."""
    for guest in tuple(wire.doors[place]._guests):
        guest._transport.abort()


async def _came(wire: Wire) -> list[int]:
    return [len(behind.came) for behind in wire.behind]


# Links that break.


async def test_a_command_whose_link_is_lost_has_an_unknown_outcome_and_is_not_sent_again(two: Wire) -> None:
    held = Held(*two.behind)
    sending = asyncio.ensure_future(two.peer.do(DO, CALLER))
    await until(lambda: held.came == 1)
    _cut(two, 0)
    _cut(two, 1)
    with pytest.raises(OutcomeUnknown, match="notebook did not answer"):
        await sending
    await until(lambda: all(link.ready for link in two.links))
    assert sum(await _came(two)) == 1


@pytest.mark.parametrize("verb", ["ask", "once", "stored", "log"])
async def test_what_may_be_done_twice_is_tried_at_another_process(two: Wire, verb: str) -> None:
    reply: Any = {"ask": (), "once": Answer(201, b"7", None), "stored": None, "log": []}[verb]
    sends: dict[str, Callable[[], Awaitable[Any]]] = {
        "ask": lambda: peer_of.ask(GetPages(), CALLER),
        "once": lambda: peer_of.do_once(DO, CALLER, KEY, 0.0),
        "stored": lambda: peer_of.stored(Do, "sto_one", KEY, 0.0),
        "log": lambda: peer_of.fetch(3, 4),
    }
    peer_of = two.peer
    Held(*two.behind, reply=reply)
    sending = asyncio.ensure_future(sends[verb]())
    await until(lambda: any(behind.came for behind in two.behind))
    first = 0 if two.behind[0].came else 1

    async def answer(_message: Any) -> Any:
        return reply

    two.behind[1 - first].reply = answer
    _cut(two, first)
    assert await sending == reply
    assert await _came(two) == [1, 1]


async def test_messages_wait_a_little_for_a_process_that_comes_back(wire: Wire) -> None:
    async def answer(_message: Any) -> Any:
        return 7

    await wire.doors[0].close(0.1)
    await until(lambda: not wire.links[0].ready)
    sending = asyncio.ensure_future(wire.peer.do(DO, CALLER))
    await asyncio.sleep(0.05)
    await wire.open_door(wire.ports[0])
    wire.behind[1].reply = answer
    assert await sending == 7
    assert len(wire.joined) == 2  # so it looks again at what was told meanwhile


async def test_a_service_that_nobody_runs_is_unavailable(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "UNTIL_READY", 0.1)
    await wire.doors[0].close(0.1)
    await until(lambda: not wire.links[0].ready)
    for sending in (wire.peer.do(DO, CALLER), wire.peer.ask(GetPages(), CALLER), wire.peer.fetch(0, 1)):
        with pytest.raises(Unavailable, match="no process of notebook can be reached"):
            await sending
    assert wire.behind[0].came == []


async def test_messages_are_not_sent_again_without_end(two: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every link breaks, whoever asks is told so; and many who ask do not make it worse (F24)."""

    async def cut(_message: Any) -> Any:
        _cut(two, 0)
        _cut(two, 1)
        await asyncio.Event().wait()

    for behind in two.behind:
        behind.reply = cut
    asker = two.peer
    with pytest.raises(Unavailable, match="notebook does not answer"):
        await asker.ask(GetPages(), CALLER)
    assert sum(await _came(two)) == peer.TRIES
    asker._budget = 0.5
    with pytest.raises(Unavailable, match="notebook does not answer"):
        await asker.ask(GetPages(), CALLER)
    assert sum(await _came(two)) == peer.TRIES + 1


# Doors that close.


async def test_a_door_that_closes_answers_what_it_has_taken_and_more_goes_elsewhere(two: Wire) -> None:
    held = Held(*two.behind)
    sender = two.peer
    sending = [asyncio.ensure_future(sender.do(DO, CALLER)) for _ in range(10)]
    await until(lambda: held.came == 10)
    closing = asyncio.ensure_future(two.doors[0].close())
    await until(lambda: not two.links[0].ready)
    before = len(two.behind[0].came)
    sending += [asyncio.ensure_future(sender.do(DO, CALLER)) for _ in range(5)]
    await until(lambda: held.came == 15)
    assert len(two.behind[0].came) == before
    held.free.set()
    assert await asyncio.gather(*sending) == [7] * 15
    await closing


async def test_messages_that_are_on_their_way_to_a_door_that_closes_are_not_lost(two: Wire) -> None:
    """They left before its goodbye was heard."""

    async def answer(_message: Any) -> Any:
        await asyncio.sleep(0.01)
        return 7

    for behind in two.behind:
        behind.reply = answer
    sender = two.peer
    for _ in range(10):
        sending = [asyncio.ensure_future(sender.do(DO, CALLER)) for _ in range(20)]
        await asyncio.sleep(0)
        door, port = two.doors[0], two.ports[0]
        await door.close()
        assert await asyncio.gather(*sending) == [7] * 20
        for rows in (two.behind, two.doors, two.ports):
            del rows[0]
        door.parts.pools.close()
        await two.open_door(port)
        two.behind[-1].reply = answer
        _first_again(two.behind, two.doors, two.ports)
        await until(lambda: two.links[0].ready)


def _first_again(*lists: list[Any]) -> None:
    """What was added last stands first."""
    for each in lists:
        each.insert(0, each.pop())


# Patience, room, breakers.


async def test_what_nobody_waits_for_any_more_is_given_up_at_the_receiver(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "PATIENCE", 0.2)
    held = Held(*wire.behind)
    with pytest.raises(OutcomeUnknown):
        await wire.peer.do(DO, CALLER)
    await until(lambda: held.ended == 1)
    assert not held.free.is_set()


async def test_a_door_takes_so_much_at_once_and_tells_others_to_come_later(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_module, "AT_ONCE", 3)
    held = Held(*wire.behind)
    sending = [asyncio.ensure_future(wire.peer.do(DO, CALLER)) for _ in range(5)]
    done, _ = await asyncio.wait(sending, timeout=5.0, return_when=asyncio.FIRST_EXCEPTION)
    await until(lambda: sum(each.done() for each in sending) == 2)
    assert {type(each.exception()) for each in sending if each.done()} == {Overloaded}
    held.free.set()
    outcomes = await asyncio.gather(*sending, return_exceptions=True)
    assert outcomes.count(7) == 3
    assert done


async def test_a_process_that_does_not_answer_is_passed_over_for_a_while(
    two: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer, "PATIENCE", 0.05)
    Held(two.behind[0])

    async def answer(_message: Any) -> Any:
        return ()

    two.behind[1].reply = answer
    sender = two.peer
    for _ in range(FAILURES):
        two.links[0].breaker.failed()
    assert not two.links[0].ready
    for _ in range(10):
        assert await sender.ask(GetPages(), CALLER) == ()
    assert await _came(two) == [0, 10]
    two.clock.advance(1_001)  # now one may see how it is
    await asyncio.gather(*(sender.ask(GetPages(), CALLER) for _ in range(10)))
    assert len(two.behind[0].came) == 1
    assert not two.links[0].ready


async def test_silence_opens_the_breaker_and_an_answer_closes_it(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "PATIENCE", 0.05)
    held = Held(*wire.behind)
    lost = [wire.peer.do(DO, CALLER) for _ in range(FAILURES)]
    outcomes = await asyncio.gather(*lost, return_exceptions=True)
    assert {type(each) for each in outcomes} == {OutcomeUnknown}
    assert wire.links[0].breaker.pause
    held.free.set()
    wire.clock.advance(1_001)
    assert await wire.peer.do(DO, CALLER) == 7
    assert not wire.links[0].breaker.pause
    assert wire.links[0].ready


# Batches.


async def test_what_is_sent_in_one_turn_travels_in_one_frame_both_ways(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[tuple[str, int]] = []
    read = Opening.read

    def counting(self: Opening, data: bytes) -> Any:
        for items in read(self, data):
            sizes.append((self._direction.decode(), len(items)))
            yield items

    monkeypatch.setattr(Opening, "read", counting)

    async def answer(_message: Any) -> Any:
        return 7

    wire.behind[0].reply = answer
    sender = wire.peer
    assert await asyncio.gather(*(sender.do(DO, CALLER) for _ in range(100))) == [7] * 100
    assert [size for direction, size in sizes if direction == "in"] == [100]
    assert max(size for direction, size in sizes if direction == "out") > 10


async def test_much_at_once_fits_however_long_it_is_together(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LONGEST", 20_000)

    async def answer(message: Any) -> Any:
        return message.amount

    wire.behind[0].reply = answer
    sender = wire.peer
    wide = [Do("x" * 1_000, "look", number) for number in range(100)]
    assert await asyncio.gather(*(sender.do(each, CALLER) for each in wide)) == list(range(100))


async def test_a_message_or_a_reply_that_is_too_long_for_any_frame_is_refused_and_others_are_not(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "LONGEST", 20_000)

    async def answer(message: Any) -> Any:
        return 7 if isinstance(message, Do) else ["x" * 30_000]

    wire.behind[0].reply = answer
    sender = wire.peer
    outcomes = await asyncio.gather(
        sender.do(DO, CALLER),
        sender.do(Do("x" * 30_000, "look", 1), CALLER),
        sender.ask(GetPages(), CALLER),
        sender.do(DO, CALLER),
        return_exceptions=True,
    )
    assert [each if each == 7 else type(each) for each in outcomes] == [7, Malformed, Failed, 7]
    assert len(wire.links) == len(wire.joined) == 1  # the connection stands


# News.


async def test_news_of_wanted_types_come_in_order_and_nothing_else(wire: Wire) -> None:
    for number in range(1, 50):
        wire.doors[0].tell(News("notebook", number, number, (), (("sto_one", str(number)),)))
    wire.doors[0].tell(News("elsewhere", 1, 1, (), ()))
    await until(lambda: len(wire.heard) == 49)
    assert [news.first for news in wire.heard] == list(range(1, 50))
