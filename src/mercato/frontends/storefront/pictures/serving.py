"""Where the drawn pictures are served."""

from mercato.frontends.storefront.assets import forever
from mercato.frontends.storefront.pictures.drawing import draw
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.values.messages import Caller, NotFound


def picture_routes() -> tuple[Route, ...]:
    return (Route("GET", "/pictures/{name}.svg", _serve, "Picture", limit="none"),)


async def _serve(_edge: Edge, request: Request, _caller: Caller) -> Reply:
    drawing = draw(request.params["name"])
    if drawing is None:
        raise NotFound("there is no such picture")
    return forever(Reply(200, drawing.encode(), b"image/svg+xml"))
