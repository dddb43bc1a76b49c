"""Routes of stores. Making a key takes no Idempotency-Key: its answer holds a secret, and must not be kept."""

import msgspec

from mercato.contracts.stores import ApiKey, ChangeSettings, GetStore, MakeApiKey, RevokeApiKey
from mercato.runtime.http.edge import Edge
from mercato.runtime.http.exchange import Reply, Request
from mercato.runtime.http.route import Route
from mercato.runtime.http.routes import asks, does, read_body
from mercato.values.commerce import Line
from mercato.values.messages import Caller, Staff


class MakeApiKeyBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`name` says what the key is for."""

    name: Line


_BODY = msgspec.json.Decoder(MakeApiKeyBody)


async def make_api_key(edge: Edge, request: Request, caller: Caller) -> Reply:
    body: MakeApiKeyBody = read_body(request, _BODY)
    return Reply.of(await edge.calls.do(MakeApiKey(body.name), caller), 201)


ROUTES: tuple[Route, ...] = (
    asks("GET", "/v1/store", GetStore),
    does("PATCH", "/v1/store", ChangeSettings),
    Route(
        "POST",
        "/v1/store/api-keys",
        make_api_key,
        "MakeApiKey",
        allow=Staff,
        body=MakeApiKeyBody,
        reply=ApiKey,
        status=201,
        limit="write",
        description=MakeApiKey.__doc__ or "",
    ),
    does("DELETE", "/v1/store/api-keys/{key_id}", RevokeApiKey),
)
