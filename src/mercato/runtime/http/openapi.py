"""The description of the API, made of the routes: OpenAPI 3.1, every message with its forms and refusals."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from mercato.runtime.http.route import Route
from mercato.values.messages import Anyone, Refusal

_REFERENCE = "#/components/schemas/{name}"
_COMMON = (400, 401, 403, 404, 415, 422, 429, 503)


class Problem(msgspec.Struct, frozen=True):
    """A refusal (RFC 9457). `code` is stable; `advice` says what the caller can do; more members are facts."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    advice: str
    request_id: str


def describe(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The OpenAPI document of all routes under /v1."""
    shown = [route for route in routes if route.path.startswith("/v1/") and not (route.page or route.hidden)]
    forms = [form for route in shown for form in (route.body, route.reply) if _is_form(form)]
    schemas, components = msgspec.json.schema_components([*forms, Problem], ref_template=_REFERENCE)
    by_form = dict(zip(map(str, [*forms, Problem]), schemas, strict=True))
    paths: dict[str, Any] = {}
    for route in sorted(shown, key=lambda route: (route.path, route.method)):
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, by_form)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mercato", "version": version, "description": "Errors are problem documents (RFC 9457)."},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _is_form(form: Any) -> bool:
    return form is not None and form is not type(None)


def _operation(route: Route, by_form: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "description": " ".join(route.description.split()),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": _responses(route, by_form),
    }
    if _is_form(route.body):
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _of(route.body, by_form)}},
        }
    if route.allow is not Anyone:
        operation["security"] = [{"bearer": []}]
        operation["x-allowed"] = route.allow.name
    return operation


def _of(form: Any, by_form: dict[str, Any]) -> Any:
    return by_form[str(form)]


def _path_parameters(route: Route) -> Iterable[dict[str, Any]]:
    for name in route.params:
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(route: Route) -> Iterable[dict[str, Any]]:
    if route.query is None:
        return
    for field in msgspec.structs.fields(route.query):
        if field.name not in route.params:
            schema = msgspec.json.schema(field.type)
            yield {"name": field.name, "in": "query", "required": field.required, "schema": schema}


def _header_parameters(route: Route) -> Iterable[dict[str, Any]]:
    if route.takes_key:
        description = "Repeats with the same key and body are answered alike, for 24 hours, and have one effect."
        yield {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}, "description": description}


def _responses(route: Route, by_form: dict[str, Any]) -> dict[str, Any]:
    status = route.status if _is_form(route.reply) else 204
    good: dict[str, Any] = {"description": "Done."}
    if _is_form(route.reply):
        good["content"] = {"application/json": {"schema": _of(route.reply, by_form)}}
    responses = {str(status): good}
    problem = {"application/problem+json": {"schema": _of(Problem, by_form)}}
    by_status: dict[int, list[type[Refusal]]] = {common: [] for common in _COMMON}
    for refusal in route.refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    for code, refusals in sorted(by_status.items()):
        text = "; ".join(f"{refusal.code}: {refusal.advice}" for refusal in refusals)
        responses[str(code)] = {"description": text or "See `code` and `advice` of the problem.", "content": problem}
    return responses
