"""Routes of the process itself: is it alive, is it ready, what does it count, what can it do."""

from functools import cached_property

import msgspec

from mercato import __version__
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import JSON, TEXT, Reply, Request
from mercato.runtime.http.openapi import describe
from mercato.runtime.http.route import Route
from mercato.runtime.node import Node
from mercato.values.messages import Caller, NotFound, Unavailable

LOOPBACK = ("127.0.0.1", "::1")


class SystemRoutes:
    """Made before the node has started; it answers when it has."""

    def __init__(self, node: Node, api: tuple[Route, ...]) -> None:
        self._node = node
        self._api = api
        self.routes = (
            Route("GET", "/healthz", self.health, "health", limit="none", storeless=True),
            Route("GET", "/readyz", self.readiness, "readiness", limit="none", storeless=True),
            Route("GET", "/metrics", self.metrics, "metrics", limit="none", storeless=True),
            Route("GET", "/v1/openapi.json", self.description, "description", storeless=True),
        )

    async def health(self, _edge: Edge, _request: Request, _caller: Caller) -> Reply:
        """The process runs its loop."""
        return Reply(200, b"alive\n", TEXT)

    async def readiness(self, _edge: Edge, _request: Request, _caller: Caller) -> Reply:
        """It takes orders: everything is started, nothing is being stopped, and no database is out of order."""
        if not self._node.ready:
            raise Unavailable("starting, stopping, or a database is out of order")
        return Reply(200, b"ready\n", TEXT)

    async def metrics(self, _edge: Edge, request: Request, _caller: Caller) -> Reply:
        """For a collector on this machine only (S66)."""
        if request.peer not in LOOPBACK or b"x-forwarded-for" in request.headers:
            raise NotFound("there is nothing at this address")
        self._node.measure()
        return Reply(200, self._node.parts.telemetry.exposition(), b"text/plain; version=0.0.4")

    async def description(self, _edge: Edge, _request: Request, _caller: Caller) -> Reply:
        reply = Reply(200, self._described, JSON)
        reply.cache_control = b"public, max-age=300"
        return reply

    @cached_property
    def _described(self) -> bytes:
        """The description as bytes: it takes a while, so a start does not wait for it."""
        return msgspec.json.encode(describe(self._api, __version__))
