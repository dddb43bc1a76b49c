"""The table of routes as gates: each route of the project, and routes that are hard to tell apart."""

import pytest

from mercato.apps.edge.layout import STOREFRONT, Layout
from mercato.apps.edge.listing import project_ways
from mercato.apps.edge.table import HIDDEN, METHODS, Gate, Way, gate_for, gates_of

FRONT = ("10.0.0.1:8000",)
WAYS = project_ways()
SERVICES = tuple(dict.fromkeys(way.service for way in WAYS if way.service != STOREFRONT))


def layout_of(*services: str) -> Layout:
    return Layout(FRONT, {service: (f"10.0.1.{place}:8000",) for place, service in enumerate(services, start=1)})


def gate_of(gates: tuple[Gate, ...], method: str, path: str) -> Gate:
    gate = gate_for(gates, method, path)
    assert gate is not None
    return gate


@pytest.mark.parametrize("services", [SERVICES, ("orders",), ()])
def test_each_route_has_a_gate_that_treats_it_as_it_says(services: tuple[str, ...]) -> None:
    gates = gates_of(WAYS, layout_of(*services))
    for way in WAYS:
        for method in way.methods:
            for path in (way.example, f"/s/red{way.example}"):
                gate = gate_of(gates, method, path)
                assert gate.service == (way.service if way.service in services else STOREFRONT), way
                assert (gate.limit, gate.signed, gate.max_body) == (way.limit, way.signed, way.max_body), way


def test_all_services_and_pages_are_in_the_table() -> None:
    assert set(SERVICES) == set(
        "stores users catalog pricing inventory carts orders payments notifications search".split()
    )
    rows = {(way.service, way.method, way.path): way for way in WAYS}
    assert rows["orders", "POST", "/v1/orders"].signed
    assert rows["storefront", "POST", "/login"].limit == "auth"
    assert not rows["storefront", "GET", "/orders"].signed  # a page sends people to the log-in itself


def test_what_is_for_operators_comes_first() -> None:
    gates = gates_of(WAYS, layout_of("orders"))
    for path in HIDDEN:
        for method in METHODS:
            assert gate_of(gates, method, path).service == ""
            assert gate_of(gates, method, f"/s/red{path}").service == ""
    assert gate_of(gates, "GET", "/metrics/").service == STOREFRONT


def test_names_that_only_begin_alike_are_told_apart() -> None:
    gates = gates_of(WAYS, layout_of(*SERVICES))
    for path in ("/v1/ordersandmore", "/v1", "/v1/", "/V1/orders", "/v1/s/red/orders", "/s/v1/orders", "/s//v1/orders"):
        assert gate_of(gates, "GET", path).service == STOREFRONT, path
    assert gate_of(gates, "GET", "/v1/orders/x1/unknown").service == "orders"
    assert gate_of(gates, "DELETE", "/v1/orders").service == "orders"
    assert gate_for(gates, "TRACE", "/") is None


def test_a_single_path_goes_before_one_that_would_fit_it_too() -> None:
    ways = (
        Way("orders", "GET", "/v1/orders/{order_id}", "read", signed=True),
        Way("orders", "GET", "/v1/orders/open", "none"),
        Way("orders", "GET", "/v1/orders/plain", "read"),
    )
    gates = gates_of(ways, layout_of("orders"))
    assert gate_of(gates, "GET", "/v1/orders/ord_1").signed
    assert not gate_of(gates, "GET", "/v1/orders/plain").signed
    assert gate_of(gates, "GET", "/v1/orders/open").limit == "none"


def test_where_two_services_share_a_name_each_path_is_told() -> None:
    ways = (
        Way("orders", "GET", "/v1/users/{user_id}/orders", "read"),
        Way("users", "GET", "/v1/users/{user_id}", "read"),
        Way("users", "POST", "/v1/users", "write"),
    )
    gates = gates_of(ways, layout_of("orders", "users"))
    assert gate_of(gates, "GET", "/v1/users/u1/orders").service == "orders"
    assert gate_of(gates, "GET", "/v1/users/u1").service == "users"
    assert gate_of(gates, "POST", "/v1/users").service == "users"
    assert gate_of(gates, "GET", "/v1/users/u1/unknown").service == STOREFRONT


def test_the_point_in_a_path_is_only_a_point() -> None:
    gates = gates_of(WAYS, layout_of())
    assert gate_of(gates, "GET", "/pictures/a.svg").limit == "none"
    assert gate_of(gates, "GET", "/pictures/aXsvg").limit == "read"


def test_a_service_without_routes_is_told() -> None:
    with pytest.raises(ValueError, match=r"^there is no service order; there are carts, catalog, .*users$"):
        gates_of(WAYS, layout_of("order"))
