"""Traefik: its own settings, and the routes that it reads from a second file. Both are JSON, which is YAML too."""

import json
from typing import Any

from mercato.apps.edge.answers import HOP, IDENTITY
from mercato.apps.edge.layout import Layout, per_minute
from mercato.apps.edge.table import NOBODY, SAFE, Gate
from mercato.runtime.access.limits import Limit, Rule
from mercato.runtime.http.exchange import MAX_BODY

STATIC, DYNAMIC = "traefik.yml", "mercato.yml"
FIRST = 1_000  # the priority of the first gate; the ones after it have less


def traefik(gates: tuple[Gate, ...], layout: Layout) -> dict[str, str]:
    """Both files by their names. The first one finds the second in the folder where Traefik is started."""
    return {STATIC: _text(_static(layout)), DYNAMIC: _text(_dynamic(gates, layout))}


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _static(layout: Layout) -> dict[str, Any]:
    timeouts = {"readTimeout": "30s", "writeTimeout": "90s", "idleTimeout": "65s"}
    transport = {"lifeCycle": {"graceTimeOut": "60s"}, "respondingTimeouts": timeouts}
    return {
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "entryPoints": {
            "shop": {
                "address": layout.listen,
                "forwardedHeaders": {"insecure": False, "trustedIPs": []},
                "transport": transport,
            }
        },
        "providers": {"file": {"filename": DYNAMIC, "watch": True}},
        "accessLog": {},
        "log": {"level": "INFO"},
    }


def _dynamic(gates: tuple[Gate, ...], layout: Layout) -> dict[str, Any]:
    rules = layout.rules
    routers: dict[str, Any] = {}
    for place, gate in enumerate(gates):
        priority = FIRST - 2 * place
        routers[gate.name] = {
            "rule": _rule(gate, layout.host),
            "priority": priority,
            "entryPoints": ["shop"],
            "service": "noop@internal" if gate.service == NOBODY else gate.service,
            "middlewares": _chain(gate, rules),
        }
        if gate.signed:
            routers[f"{gate.name}_without_token"] = {
                "rule": f"{_rule(gate, layout.host)} && !HeaderRegexp(`Authorization`, `.`)",
                "priority": priority + 1,
                "entryPoints": ["shop"],
                "service": "noop@internal",
                "middlewares": ["no-store", "log-in-first"],
            }
    return {
        "http": {
            "routers": routers,
            "middlewares": _middlewares(gates, rules),
            "services": {name: _service(addresses, layout.host) for name, addresses in layout.upstreams.items()},
            "serversTransports": {
                "processes": {
                    "maxIdleConnsPerHost": 64,
                    "forwardingTimeouts": {
                        "dialTimeout": "2s",
                        "responseHeaderTimeout": "60s",
                        "idleConnTimeout": "60s",
                    },
                }
            },
        }
    }


def _rule(gate: Gate, host: str) -> str:
    methods = " || ".join(f"Method(`{method}`)" for method in gate.methods)
    parts = [f"({methods})", f"PathRegexp(`^{gate.pattern}$`)"]
    return " && ".join([f"Host(`{host}`)", *parts] if host else parts)


def _chain(gate: Gate, rules: dict[Limit, Rule]) -> list[str]:
    """What a request passes on its way. Bodies are only held back where there are some."""
    if gate.service == NOBODY:
        return ["no-store", "not-here"]
    chain = ["forwarding"]
    if gate.limit in rules:
        chain.append(f"limit-{gate.limit}")
    if set(gate.methods) <= set(SAFE):
        return [*chain, "again"]
    return [*chain, f"body-{gate.max_body}", "again"]


def _middlewares(gates: tuple[Gate, ...], rules: dict[Limit, Rule]) -> dict[str, Any]:
    sizes = sorted({MAX_BODY, *(gate.max_body for gate in gates)})
    removed = dict.fromkeys((*HOP, *IDENTITY), "")
    nobody = ["255.255.255.255/32"]  # nobody calls from there
    return {
        "forwarding": {"headers": {"customRequestHeaders": removed}},
        "no-store": {"headers": {"customResponseHeaders": {"Cache-Control": "no-store"}}},
        "log-in-first": {"ipAllowList": {"sourceRange": nobody, "rejectStatusCode": 401}},
        "not-here": {"ipAllowList": {"sourceRange": nobody, "rejectStatusCode": 404}},
        "again": {"retry": {"attempts": 4, "initialInterval": "20ms"}},
        **{f"limit-{name}": {"rateLimit": _limit(rule)} for name, rule in rules.items()},
        **{f"body-{size}": {"buffering": {"maxRequestBodyBytes": size}} for size in sizes},
    }


def _limit(rule: Rule) -> dict[str, Any]:
    return {
        "average": per_minute(rule),
        "period": "1m",
        "burst": rule.burst,
        "sourceCriterion": {"ipStrategy": {"depth": 0}},
    }


def _service(addresses: tuple[str, ...], host: str) -> dict[str, Any]:
    check = {"path": "/readyz", "interval": "1s", "unhealthyInterval": "1s", "timeout": "1s"}
    return {
        "loadBalancer": {
            "servers": [{"url": f"http://{address}"} for address in addresses],
            "passHostHeader": True,
            "serversTransport": "processes",
            "healthCheck": {**check, "hostname": host} if host else check,
        }
    }
