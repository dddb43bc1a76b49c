"""A route: a method and a path with the endpoint that serves them, and what its description says."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from mercato.runtime.access.limits import Limit
from mercato.runtime.http.cached import ReplyCache
from mercato.runtime.http.exchange import MAX_BODY, Reply, Request
from mercato.values.messages import Access, Anyone, Caller, Refusal

# The first argument is the Edge (edge.py), which itself knows routes.
Endpoint = Callable[[Any, Request, Caller], Awaitable[Reply]]

PARAM = re.compile(r"\{(\w+)\}")


class Route(msgspec.Struct, frozen=True):
    """One route. `body` and `reply` are the forms that the API description shows; `hot` puts it in the
    lane too; `cache` keeps its replies to callers who are nobody in particular. JSON has at most MAX_BODY bytes, also
    where `max_body` is more. `streams`: the endpoint reads the body itself, of any length, and bounds it. `hidden`: the
    API description leaves it out. `storeless`: it is about the process, and is served whatever the store."""

    method: str
    path: str
    endpoint: Endpoint
    name: str
    allow: Access = Anyone
    body: Any = None
    query: Any = None
    reply: Any = None
    status: int = 200
    refusals: tuple[type[Refusal], ...] = ()
    hot: bool = False
    limit: Limit = "read"
    takes_key: bool = False
    description: str = ""
    page: bool = False
    max_body: int = MAX_BODY
    cache: ReplyCache | None = None
    streams: bool = False
    hidden: bool = False
    storeless: bool = False

    @property
    def params(self) -> tuple[str, ...]:
        return tuple(PARAM.findall(self.path))
