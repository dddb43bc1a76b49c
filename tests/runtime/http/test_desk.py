"""The desk alone: batches of requests come in, batches of replies leave."""

import asyncio
import socket
from pathlib import Path
from typing import Any

from uvicorn.server import ServerState

from mercato.apps.shop import run_in_loop
from mercato.runtime.http.desk import Desk, HandedOver
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.frames import Asked, Frames, FromAcceptor, FromShop, Told, framed
from mercato.runtime.http.route import Route
from mercato.values.messages import Caller
from tests.runtime.http.town import JSON, PAUSE, Town, Wire, opened, request_of


class Stage:
    """A desk over a shop that has one hot route, which waits for its door."""

    def __init__(self, town: Town) -> None:
        self.door: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.wire = Wire()
        self.state = ServerState()
        self.state.default_headers = []
        self.lost = 0
        cold = Route("GET", "/v1/cold", self._patient, "cold")
        hot = Route("GET", "/v1/patient", self._patient, "patient", hot=True)
        self.desk = Desk(town.shop.edge, (cold, hot), self.state, self._lose)
        self.desk.connection_made(self.wire)

    def ask(self, *connections: int, gone: tuple[int, ...] = ()) -> None:
        asked = [Asked(each, 0, "/v1/patient", b"", {}, {b"host": b"localhost"}, b"", "::1") for each in connections]
        self.desk.data_received(framed(FromAcceptor(asked, list(gone))))

    async def heard(self) -> list[FromShop]:
        """The batches that have left since the last time."""
        await asyncio.sleep(0.01)
        sent, self.wire.sent = self.wire.sent, b""
        return list(Frames(FromShop).feed(sent))

    async def _patient(self, _edge: Edge, _request: Request, _caller: Caller) -> Reply:
        return Reply(200, await asyncio.shield(self.door))

    def _lose(self) -> None:
        self.lost += 1


def _lines(told: Told) -> list[bytes]:
    return told.data.split(b"\r\n")


async def test_the_acceptor_is_told_the_hot_routes_and_gets_replies_in_one_batch(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        stage = Stage(town)
        ((first, *_),) = [await stage.heard()]
        assert [(line.method, line.path, line.shared) for line in first.routes] == [("GET", "/v1/patient", False)]
        stage.ask(7, 9)
        assert await stage.heard() == []
        stage.door.set_result(b"served")
        (batch,) = await stage.heard()
        assert [told.connection for told in batch.told] == [7, 9]
        assert all(_lines(told)[0] == b"HTTP/1.1 200 OK" and told.data.endswith(b"served") for told in batch.told)
        assert not any(told.closing for told in batch.told)


async def test_frames_that_come_in_pieces_are_put_together(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        stage = Stage(town)
        await stage.heard()
        data = framed(FromAcceptor([Asked(1, 0, "/v1/patient", b"", {}, {}, b"", "::1")], [])) * 2
        for start in range(0, len(data), 7):
            stage.desk.data_received(data[start : start + 7])
        stage.door.set_result(b"")
        (batch,) = await stage.heard()
        assert len(batch.told) == 2


async def test_who_is_gone_is_not_served_any_more(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        stage = Stage(town)
        stage.ask(1, 2)
        assert town.shop.edge.admission.serving == 2
        stage.ask(gone=(1, 5))
        await stage.heard()
        assert town.shop.edge.admission.serving == 1
        stage.door.set_result(b"")
        (batch,) = await stage.heard()
        assert [told.connection for told in batch.told] == [2]


async def test_a_graceful_stop_waits_for_who_is_served_and_ends_the_channel(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        stage = Stage(town)
        stage.ask(1)
        stage.desk.shutdown()
        assert (await stage.heard())[-1].closing
        assert not stage.wire.closed
        stage.door.set_result(b"")
        (batch,) = await stage.heard()
        assert batch.told[0].closing
        assert b"connection: close" in _lines(batch.told[0])
        assert stage.wire.closed
        stage.desk.connection_lost(None)
        assert (stage.state.connections, stage.lost) == (set(), 0)


async def test_where_the_acceptor_is_lost_nobody_is_served_any_more(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        stage: Any = Stage(town)
        stage.ask(1, 2)
        stage.desk.connection_lost(None)
        await asyncio.sleep(0.01)
        assert (town.shop.edge.admission.serving, stage.lost, stage.state.connections) == (0, 1, set())


def test_what_was_read_before_a_connection_was_handed_over_comes_first(tmp_path: Path) -> None:
    """Many programs send the head of a request and its body one after the other. In the loop of a real shop."""
    run_in_loop(_take_over_what_has_begun(tmp_path))


async def _take_over_what_has_begun(tmp_path: Path) -> None:
    async with opened(tmp_path) as town:
        body = b'{"variant_id":"%b","quantity":1}' % town.product.variants[0].id.encode()
        whole = request_of("POST", "/v1/cart/add", {**JSON, "Authorization": f"Bearer {town.guest}"}, body)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        handed_over = HandedOver(asyncio.get_running_loop(), ours, town.server._protocol)
        with socket.create_server(("127.0.0.1", 0)) as listener, theirs:
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            accepted, _ = listener.accept()
            writer.write(body)  # it is there before the shop takes over
            await asyncio.sleep(PAUSE)
            with accepted:
                socket.send_fds(theirs, [whole.removesuffix(body)], [accepted.fileno()])
            assert (await reader.readline()).split()[1] == b"200"
            writer.close()
            await writer.wait_closed()
        handed_over.close()
