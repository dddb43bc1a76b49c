"""What an operator may say about an installation."""

import pytest

from mercato.apps.edge.layout import Layout, per_minute, split_address
from mercato.runtime.access.limits import RULES, Rule

FRONT = ("10.0.0.1:8000",)


@pytest.mark.parametrize("address", ["10.0.0.1:8000", "front-1.internal:80", "[fd00::1]:65535", "localhost:1"])
def test_an_address_has_a_host_and_a_port(address: str) -> None:
    assert Layout((address,)).upstreams == {"storefront": (address,)}
    host, port = split_address(address)
    assert f"{host}:{port}" == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "10.0.0.1",
        ":8000",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:http",
        "10.0.0.1:-1",
        "10.0.0.1:\u0663",
        "fd00::1:8000",
        "http://10.0.0.1:8000",
        "a b:8000",
        "a;return 200:8000",
        "a\n:8000",
        "'a':8000",
        "{a}:8000",
    ],
)
def test_anything_else_is_told_with_what_would_do(address: str) -> None:
    with pytest.raises(ValueError, match=r"it has the form HOST:PORT, as in"):
        Layout((address,))
    with pytest.raises(ValueError, match=r"^a process of orders is "):
        Layout(FRONT, {"orders": (address,)})
    with pytest.raises(ValueError, match=r"^the address to listen on is "):
        Layout(FRONT, listen=address)


@pytest.mark.parametrize("host", ["http://shop.example", "shop.example:80", "shop example", "shop.example;", "-a", "*"])
def test_a_public_name_is_a_name(host: str) -> None:
    with pytest.raises(ValueError, match=r"is no host name"):
        Layout(FRONT, host=host)


def test_a_group_has_processes_each_of_them_once() -> None:
    with pytest.raises(ValueError, match=r"^storefront has no process"):
        Layout(())
    with pytest.raises(ValueError, match=r"^orders has no process"):
        Layout(FRONT, {"orders": ()})
    with pytest.raises(ValueError, match=r"^storefront names a process twice"):
        Layout(FRONT * 2)


def test_the_limits_are_those_of_a_process_several_times() -> None:
    assert Layout(FRONT, generosity=1).rules == RULES
    assert Layout(FRONT).rules["write"] == Rule(burst=1_000, per_second=100.0)
    assert Layout(FRONT, generosity=0).rules == {}
    assert Layout(FRONT, generosity=0.001).rules["auth"].burst == 1
    for wrong in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"it takes 0 \(off\) to 1000$"):
            Layout(FRONT, generosity=wrong)


def test_a_rate_a_minute_is_never_nothing() -> None:
    assert per_minute(Rule(20, 0.25)) == 15
    assert per_minute(Rule(1, 0.0001)) == 1
