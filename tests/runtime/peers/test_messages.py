"""Every message of every service, and every refusal, is over the wire what it is in process."""

import importlib
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercato.apps.services import service_names
from mercato.runtime.answers import Answer, IdempotencyKey
from mercato.runtime.peers.names import Names, name_of, refusal_of
from mercato.runtime.service import Service
from mercato.runtime.settings import Settings
from mercato.runtime.setup import Setup
from mercato.values.messages import BUYER, STAFF, Caller, Command, Failed, Forbidden, Refusal, reply_of
from tests.runtime import notebook
from tests.runtime.cluster import Cluster
from tests.runtime.ground import Ground
from tests.runtime.notebook import Begin, Do, GetPages, GetSheet, GetStamps, How
from tests.runtime.peers.values import same, values_of
from tests.runtime.peers.wire import parts, wired
from tests.services.conftest import _services

CALLER = Caller(store="sto_one", buyer="usr_ann", roles=BUYER | STAFF, request="req", trace="trace", cause="evt")


def _types() -> list[type[Any]]:
    """All messages of all services."""
    found: list[type[Any]] = []
    for name in service_names():
        contract = importlib.import_module(f"mercato.contracts.{name}")
        own = [kind for kind in vars(contract).values() if getattr(kind, "__module__", "") == contract.__name__]
        found += [kind for kind in own if _is_message(kind)]
    return found


def _is_message(kind: Any) -> bool:
    return isinstance(kind, type) and hasattr(kind, "allow") and bool(getattr(kind, "__orig_bases__", ()))


@pytest.mark.parametrize("kind", _types(), ids=lambda kind: kind.__name__)
def test_a_message_and_its_reply_come_through_their_bytes(kind: type[Any]) -> None:
    message_of, reply = msgspec.msgpack.Decoder(kind), reply_of(kind)
    reply_decoder = msgspec.msgpack.Decoder(reply)

    @given(message=values_of(kind), answer=values_of(reply))
    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    def through(message: Any, answer: Any) -> None:
        assert same(message_of.decode(msgspec.msgpack.encode(message)), message)
        assert same(reply_decoder.decode(msgspec.msgpack.encode(answer)), answer)

    through()


async def test_every_message_of_every_service_has_a_name_of_its_own(tmp_path: Path) -> None:
    made = parts()
    services: list[Service] = _services(service_names(), Setup(Settings(data=tmp_path), made))
    names = Names(services)
    for service in services:
        for message in service.messages:
            assert names.service_of(name_of(message)) == service.name
            assert names.form(name_of(message)) is not None
    assert len({name_of(each) for service in services for each in service.messages}) == len(names._forms)
    assert {name_of(each) for each in _types()} <= names._forms.keys()
    for service in services:
        if service.close is not None:
            service.close()
    made.pools.close()


REFUSALS = [Refusal.by_code[code] for code in sorted(Refusal.by_code)]


@pytest.mark.parametrize("kind", REFUSALS, ids=sorted(Refusal.by_code))
def test_a_refusal_is_the_same_class_with_the_same_facts(kind: type[Refusal]) -> None:
    facts = {"retry_after": 3, "ids": ["a", "b"], "shortages": [{"wanted": 2}], "none": None}
    read = refusal_of(kind.code, "what happened", facts)
    assert (type(read), read.status, read.code, read.detail, read.facts) == (
        kind,
        kind.status,
        kind.code,
        "what happened",
        facts,
    )
    assert refusal_of(kind.code, kind().detail, {}).detail == kind.advice


def test_a_refusal_that_is_not_known_here_is_a_fault_of_ours() -> None:
    read = refusal_of("of_a_later_version", "why", {"a": 1})
    assert (type(read), read.detail, read.facts) == (Failed, "of_a_later_version: why", {"a": 1})


# Through a door.


async def test_each_way_of_sending_comes_to_the_receiver_as_it_was_sent() -> None:
    async with wired() as wire:
        behind, peer = wire.behind[0], wire.peer
        key = IdempotencyKey("scope", "k", "body", 201)
        answer = Answer(201, b"7", "subject")

        async def reply(message: Any) -> Any:
            return 7 if isinstance(message, Do) else (notebook.Page("a", 1, 2),)

        async def answers(_message: Any) -> Any:
            return answer

        behind.reply = reply
        do = Do("a", "look", 2**62)
        assert await peer.do(do, CALLER) == 7
        assert await peer.ask(GetPages(), CALLER) == (notebook.Page("a", 1, 2),)
        behind.reply = answers
        assert await peer.do_once(do, CALLER, key, 1.5) == answer
        assert await peer.stored(Do, "sto_one", key, 0.5) == answer
        assert behind.came == [
            ("do", do, CALLER),
            ("ask", GetPages(), CALLER),
            ("once k 1.5", do, CALLER),
            ("stored k 0.5", Do, Caller(store="sto_one")),
        ]


async def test_a_refusal_is_raised_on_the_other_side_with_its_facts() -> None:
    async with wired() as wire:

        async def refuse(_message: Any) -> Any:
            raise notebook.TooLittle("too little of it", wanted=3, seen=notebook.Page("a", 1, 2))

        wire.behind[0].reply = refuse
        with pytest.raises(notebook.TooLittle, match="too little of it") as raised:
            await wire.peer.do(Do("a", "look", 1), CALLER)
        assert raised.value.facts == {"wanted": 3, "seen": {"name": "a", "amount": 1, "version": 2}}


async def test_a_fault_is_told_without_its_inside() -> None:
    async with wired() as wire:

        async def fail(_message: Any) -> Any:
            raise RuntimeError("a secret of the inside")

        wire.behind[0].reply = fail
        with pytest.raises(Failed) as raised:
            await wire.peer.do(Do("a", "look", 1), CALLER)
        assert "secret" not in str(raised.value.detail)
        assert "a secret of the inside" in wire.doors[0].parts.telemetry.log._stream.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
async def front(tmp_path: Path) -> Any:
    """A node with the services, and one without any that reaches them over the wire."""
    made = Cluster(Ground("sqlite", tmp_path), (("wishes", "notebook"), ()))
    made.start(0)
    made.start(1)
    yield made
    await made.close()


async def _outcome(sending: Any) -> Any:
    try:
        return await sending
    except Refusal as refusal:
        return type(refusal), refusal.status, refusal.code, refusal.detail, msgspec.to_builtins(refusal.facts)


async def test_every_command_has_the_same_outcome_in_process_and_over_the_wire(front: Cluster) -> None:
    here, there = front.nodes[0].calls, front.nodes[1].calls
    for how in get_args(How):
        for amount in (2, 3):
            outcomes = [
                await _outcome(calls.do(Do(name, how, amount), CALLER)) for calls, name in ((here, "h"), (there, "t"))
            ]
            if how != "sum":
                assert outcomes[0] == outcomes[1], how
    for query in (GetPages(), GetSheet("h"), GetStamps("h")):
        assert await here.ask(query, CALLER) == await there.ask(query, CALLER)


async def test_one_key_has_one_answer_by_both_ways(front: Cluster) -> None:
    here, there = front.nodes[0].calls, front.nodes[1].calls
    await here.do(Do("a", "insert", 9), CALLER)
    for number, command in enumerate((Do("a", "take", 2), Do("b", "refuse", 1), Begin("a", "begun"))):
        key = IdempotencyKey("scope", f"k{number}", "body", 201)
        first = await there.do_once(command, CALLER, key)
        assert await here.do_once(command, CALLER, key) == first == await there.do_once(command, CALLER, key)
        assert await there.stored(type(command), CALLER.store, key) == first
        other = IdempotencyKey("scope", f"k{number}", "another body", 201)
        assert await _outcome(there.do_once(command, CALLER, other)) == await _outcome(
            here.do_once(command, CALLER, other)
        )
    assert dict(front.pages())["a"] == 7


async def test_the_receiver_says_who_may_send(front: Cluster) -> None:
    stranger = Caller(store="sto_one", request="req")
    for calls in (front.nodes[0].calls, front.nodes[1].calls):
        with pytest.raises(Forbidden, match="Do is for buyer"):
            await calls.do(Do("a", "insert", 9), stranger)
    assert front.pages() == {}


@given(data=st.binary(max_size=40))
@settings(max_examples=40)
def test_bytes_that_are_no_message_are_no_message(data: bytes) -> None:
    decoder: msgspec.msgpack.Decoder[Command[int]] = msgspec.msgpack.Decoder(Do)
    try:
        message = decoder.decode(data)
    except msgspec.DecodeError:
        return
    assert isinstance(message, Do)
