"""Kong's file against what Kong publishes of its format: the fields of entities and plugins, their kinds and values.

Kong is not there to be run. So this is what is known about the file: that it says nothing which Kong has no word for.
"""

import json
import re
from typing import Any

import msgspec
import pytest

from mercato.apps.edge.programs import configuration
from tests.apps.edge.test_programs import ALL, LAYOUTS

# From the schemas of Kong 3 for a declarative configuration: the fields that we may use, with their kinds or values.
TEXT, NUMBER, FLAG = str, int, bool
STATUSES = [NUMBER]
METHOD = re.compile("GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS")
NAME = re.compile(r"[A-Za-z0-9_.~-]+")
MILLISECONDS = range(1, 2**31 - 1)
PROBES: dict[str, Any] = {
    "type": {"tcp", "http", "https", "grpc", "grpcs"},
    "timeout": range(65_536),
    "concurrency": range(1, 2**31),
    "http_path": re.compile("/.*"),
    "headers": {"Host": [TEXT]},
    "healthy": {"interval": range(65_536), "successes": range(256), "http_statuses": STATUSES},
    "unhealthy": {
        "interval": range(65_536),
        "http_failures": range(256),
        "tcp_failures": range(256),
        "timeouts": range(256),
        "http_statuses": STATUSES,
    },
}
ROUTE: dict[str, Any] = {
    "name": NAME,
    "protocols": [{"http", "https"}],
    "methods": [METHOD],
    "hosts": [NAME],
    "paths": [re.compile("~/.*")],
    "regex_priority": range(2**31),
    "strip_path": FLAG,
    "preserve_host": FLAG,
    "plugins": "plugins",
}
DOCUMENT: dict[str, Any] = {
    "_format_version": {"3.0"},
    "_transform": FLAG,
    "upstreams": [
        {
            "name": NAME,
            "algorithm": {"round-robin", "consistent-hashing", "least-connections", "latency"},
            "healthchecks": {"active": PROBES},
            "targets": [{"target": TEXT, "weight": range(65_536)}],
        }
    ],
    "services": [
        {
            "name": NAME,
            "protocol": {"http", "https"},
            "host": NAME,
            "port": range(65_536),
            "retries": range(32_768),
            "connect_timeout": MILLISECONDS,
            "write_timeout": MILLISECONDS,
            "read_timeout": MILLISECONDS,
            "routes": [ROUTE],
            "plugins": "plugins",
        }
    ],
    "routes": [ROUTE],
    "plugins": "plugins",
}
# Only these plugins are used: all are in Kong's open distribution.
PLUGINS: dict[str, dict[str, Any]] = {
    "correlation-id": {
        "header_name": TEXT,
        "generator": {"uuid", "uuid#counter", "tracker"},
        "echo_downstream": FLAG,
    },
    "pre-function": {"access": [TEXT]},
    "rate-limiting": {
        "second": range(1, 2**31),
        "minute": range(1, 2**31),
        "limit_by": {"consumer", "credential", "ip", "service", "header", "path", "consumer-group"},
        "policy": {"local", "cluster", "redis"},
        "fault_tolerant": FLAG,
        "hide_client_headers": FLAG,
    },
    "request-size-limiting": {"allowed_payload_size": range(2**31), "size_unit": {"bytes", "kilobytes", "megabytes"}},
    "request-termination": {"status_code": range(100, 600), "content_type": TEXT, "body": TEXT},
    "request-transformer": {"remove": {"headers": [TEXT]}},
}


def faults(value: Any, form: Any, where: str = "") -> list[str]:
    """What of a value does not have this form."""
    if form == "plugins":
        return [fault for each in value for fault in _plugin_faults(each, where)]
    if isinstance(form, dict):
        unknown = [f"{where}.{name} is unknown" for name in value if name not in form]
        return unknown + [
            fault for name in value if name in form for fault in faults(value[name], form[name], f"{where}.{name}")
        ]
    if isinstance(form, list):
        return [fault for place, each in enumerate(value) for fault in faults(each, form[0], f"{where}[{place}]")]
    if isinstance(form, re.Pattern):
        fits = isinstance(value, str) and form.fullmatch(value) is not None
    elif isinstance(form, set | range):
        fits = type(value) in (str, int) and value in form
    else:
        fits = type(value) is form
    return [] if fits else [f"{where} is {value!r}"]


def _plugin_faults(plugin: dict[str, Any], where: str) -> list[str]:
    if set(plugin) != {"name", "config"} or plugin["name"] not in PLUGINS:
        return [f"{where} has the plugin {plugin.get('name')}"]
    return faults(plugin["config"], PLUGINS[plugin["name"]], f"{where}.{plugin['name']}")


def kong(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(configuration("kong", ALL, LAYOUTS[name])["kong.json"])
    return document


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_field_is_one_that_kong_has(name: str) -> None:
    assert faults(kong(name), DOCUMENT) == []


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_named_is_there_once(name: str) -> None:
    document = kong(name)
    upstreams = [upstream["name"] for upstream in document["upstreams"]]
    services = [service["name"] for service in document["services"]]
    routes = [route["name"] for part in [document, *document["services"]] for route in part["routes"]]
    for names in (upstreams, services, routes):
        assert len(set(names)) == len(names)
    assert {service["host"] for service in document["services"]} <= set(upstreams)
    for part in [
        document,
        *document["services"],
        *(route for each in document["services"] for route in each["routes"]),
    ]:
        names = [plugin["name"] for plugin in part.get("plugins", [])]
        assert len(set(names)) == len(names)


def test_what_kong_demands_of_plugins_together() -> None:
    for service in kong("one name")["services"]:
        for plugin in service["plugins"]:
            config = plugin["config"]
            if plugin["name"] == "rate-limiting":
                assert config["minute"] >= config["second"]  # a longer time never allows less


def test_a_change_is_never_sent_twice() -> None:
    for service in kong("all services")["services"]:
        methods = {method for route in service["routes"] for method in route["methods"]}
        assert service["retries"] == (2 if methods <= {"GET", "HEAD", "OPTIONS"} else 0)


def test_code_for_kong_is_the_same_on_every_route_but_for_the_guard() -> None:
    """Of two plugins of one name only the route's is called: it must do what the general one does, too."""
    document = kong("all services")
    (general,) = [plugin["config"]["access"] for plugin in document["plugins"] if plugin["name"] == "pre-function"]
    guarded = [route for service in document["services"] for route in service["routes"] if "plugins" in route]
    assert len(guarded) > 10
    for route in guarded:
        (plugin,) = route["plugins"]
        assert plugin["config"]["access"][:-1] == general
        assert msgspec.json.decode(plugin["config"]["access"][-1].split("[[")[1].split("]]")[0])["status"] == 401


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda each: each.update(consumers=[]), ".consumers is unknown"),
        (lambda each: each.update(_format_version="1.1"), "._format_version is '1.1'"),
        (lambda each: each["services"][0].update(retry=1), ".services[0].retry is unknown"),
        (lambda each: each["services"][0].update(retries=-1), ".services[0].retries is -1"),
        (lambda each: each["services"][0].update(host="10.0.0.1/"), ".services[0].host is '10.0.0.1/'"),
        (lambda each: each["routes"][0].update(paths=["^/"]), ".routes[0].paths[0] is '^/'"),
        (lambda each: each["routes"][0].update(strip_path="no"), ".routes[0].strip_path is 'no'"),
        (lambda each: each["plugins"].append({"name": "acme", "config": {}}), ".plugins has the plugin acme"),
        (lambda each: each["plugins"][1]["config"].update(generator="x"), ".plugins.correlation-id.generator is 'x'"),
    ],
)
def test_a_planted_fault_is_seen(change: Any, told: str) -> None:
    document = kong("all services")
    change(document)
    assert faults(document, DOCUMENT) == [told]
