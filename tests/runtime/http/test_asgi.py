"""The ASGI application itself, spoken to without a server."""

from typing import Any

from mercato.runtime.http.asgi import App


async def test_a_server_that_tells_of_its_life_is_answered() -> None:
    edge: Any = None  # of which a life needs nothing
    said: list[str] = []
    messages = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> dict[str, Any]:
        return {"type": next(messages)}

    async def send(message: Any) -> None:
        said.append(message["type"])

    await App(edge, ())({"type": "lifespan"}, receive, send)
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
