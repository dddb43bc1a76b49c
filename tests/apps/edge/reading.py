"""Configurations read back: what each would do with a request, found out from nothing but its text."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from mercato.apps.edge.layout import Layout
from mercato.apps.edge.programs import Files
from mercato.runtime.http.exchange import MAX_BODY


class Verdict(NamedTuple):
    """`service` is "" where the proxy says that nothing is there."""

    service: str
    limit: str
    signed: bool
    max_body: int


class Reading(NamedTuple):
    """One gate of a configuration, in the order in which they are tried."""

    methods: frozenset[str]
    pattern: str
    verdict: Verdict


def verdict_of(readings: list[Reading], method: str, path: str) -> Verdict | None:
    for reading in readings:
        if method in reading.methods and re.search(reading.pattern, path):
            return reading.verdict
    return None


def read_nginx(files: Files, _layout: Layout) -> list[Reading]:
    text = files["mercato.conf"]
    maps = dict(re.findall(r"^map (.+) \{\n((?:    .*\n)*)\}", text, re.MULTILINE))
    rows = {
        name.split()[-1]: dict(re.findall(r'^    ("[^"]*"|\S+) (\S+);$', body, re.M)) for name, body in maps.items()
    }
    larger = re.findall(r'location ~ "(.*)" \{\n        client_max_body_size (\d+);', text)
    readings = []
    for asked, name in rows["$mercato_gate"].items():
        if not asked.startswith('"~'):
            continue
        found = re.fullmatch(r'"~\^\(\?:([A-Z|]+)\) (.*)\$"', asked)
        assert found is not None, asked
        pattern = f"^{found[2]}$"
        limits = [limit for limit in ("read", "write", "auth") if name in rows.get(f"$mercato_{limit}", {})]
        readings.append(
            Reading(
                frozenset(found[1].split("|")),
                pattern,
                Verdict(
                    rows["$mercato_processes"].get(name, "").removeprefix("mercato_"),
                    limits[0] if limits else "none",
                    f"{name}:" in rows["$mercato_signed_out"],
                    max([int(size) for where, size in larger if where == pattern], default=MAX_BODY),
                ),
            )
        )
    return readings


def read_haproxy(files: Files, _layout: Layout) -> list[Reading]:
    text = files["haproxy.cfg"]

    def gates_of(rule: str) -> set[str]:
        return {
            name
            for found in re.findall(rule + r".* \{ var\(txn\.gate\) -m str ([^}]*) \}", text)
            for name in found.split()
        }

    hidden = gates_of("return status 404")
    signed = gates_of("return status 401") if "} !{ req.hdr(authorization) -m found }" in text else set()
    limits = {limit: gates_of(f"track-sc0 src table mercato_rate_{limit} if") for limit in ("read", "write", "auth")}
    services = {
        name: service
        for service, names in re.findall(r"use_backend mercato_(\w+) if \{ var\(txn\.gate\) -m str ([^}]*) \}", text)
        for name in names.split()
    }
    sizes = {
        name: int(size) for size, name in re.findall(r"length\) gt (\d+) \} \{ var\(txn\.gate\) -m str (\w+) \}", text)
    }
    readings = []
    for name, methods, pattern in re.findall(r"str\((\w+)\) if .* -m reg '\^\(\?:([A-Z|]+)\) (.*)\$' \}", text):
        service = "" if name in hidden else services.get(name, "storefront")
        limit = next((limit for limit, names in limits.items() if name in names), "none")
        verdict = Verdict(service, limit, name in signed, sizes.get(name, MAX_BODY))
        readings.append(Reading(frozenset(methods.split("|")), f"^{pattern}$", verdict))
    return readings


def read_traefik(files: Files, _layout: Layout) -> list[Reading]:
    routers = json.loads(files["mercato.yml"])["http"]["routers"]
    refusing = {name for name in routers if "!HeaderRegexp(`Authorization`, `.`)" in routers[name]["rule"]}
    unsigned = {routers[name]["rule"].partition(" && !Header")[0]: routers[name]["priority"] for name in refusing}
    readings = []
    for router in sorted((routers[name] for name in routers.keys() - refusing), key=lambda each: -each["priority"]):
        found = re.search(r"PathRegexp\(`(.*?)`\)", router["rule"])
        assert found is not None
        chain = router["middlewares"]
        sizes = [int(name.removeprefix("body-")) for name in chain if name.startswith("body-")]
        limits = [name.removeprefix("limit-") for name in chain if name.startswith("limit-")]
        readings.append(
            Reading(
                frozenset(re.findall(r"Method\(`([A-Z]+)`\)", router["rule"])),
                found[1],
                Verdict(
                    "" if "not-here" in chain else router["service"],
                    limits[0] if limits else "none",
                    unsigned.get(router["rule"], 0) > router["priority"],
                    sizes[0] if sizes else MAX_BODY,
                ),
            )
        )
    return readings


def read_kong(files: Files, layout: Layout) -> list[Reading]:
    document = json.loads(files["kong.json"])
    bursts = {rule.burst: name for name, rule in layout.rules.items()}
    placed: list[tuple[int, Reading]] = []
    for service in [*document["services"], {"routes": document["routes"], "plugins": []}]:
        plugins = {plugin["name"]: plugin["config"] for plugin in service["plugins"]}
        burst = plugins.get("rate-limiting", {}).get("second")
        limit = "none" if burst is None else bursts.get(burst, "another")
        size = plugins.get("request-size-limiting", {}).get("allowed_payload_size", MAX_BODY)
        for route in service["routes"]:
            (path,) = route["paths"]
            assert path.startswith("~/")
            guards: list[Any] = [plugin["config"].get("access", []) for plugin in route.get("plugins", [])]
            signed = any("exit(401" in code for access in guards for code in access)
            verdict = Verdict(service.get("host", "").removeprefix("mercato-"), limit, signed, size)
            reading = Reading(frozenset(route["methods"]), f"^{path[1:]}", verdict)
            placed.append((route["regex_priority"], reading))
    return [reading for _, reading in sorted(placed, key=lambda each: -each[0])]


READERS: dict[str, Callable[[Files, Layout], list[Reading]]] = {
    "nginx": read_nginx,
    "haproxy": read_haproxy,
    "traefik": read_traefik,
    "kong": read_kong,
}
