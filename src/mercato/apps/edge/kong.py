"""Kong: a declarative configuration of format 3.0, as for a gateway without a database."""

import json
from itertools import groupby
from typing import Any

from mercato.apps.edge.answers import HOP, IDENTITY, REQUEST_ID, document
from mercato.apps.edge.layout import Layout, per_minute
from mercato.apps.edge.table import NOBODY, SAFE, Gate
from mercato.runtime.access.limits import Limit, Rule

# Kong adds to X-Forwarded-For what came with the request. These variables are what it is about to send.
FORWARDING = """\
ngx.var.upstream_x_forwarded_for = ngx.var.remote_addr
ngx.var.upstream_x_forwarded_proto = ngx.var.scheme
ngx.var.upstream_x_forwarded_host = ngx.var.http_host
"""

# What is malformed goes; the correlation-id plugin, which comes later, makes a new one.
IDS = f"""\
local id = kong.request.get_header("X-Request-Id")
if id and not ngx.re.find(id, "^{REQUEST_ID}$", "jo") then
  kong.service.request.clear_header("X-Request-Id")
end
"""

SIGNED = f"""\
if not kong.request.get_header("Authorization") then
  local headers = {{ ["Content-Type"] = "application/problem+json", ["WWW-Authenticate"] = "Bearer" }}
  return kong.response.exit(401, [[{document(401, "")}]], headers)
end
"""

LAST = 10_000  # the priority of the first gate; the ones after it have less


def kong(gates: tuple[Gate, ...], layout: Layout) -> dict[str, str]:
    """The configuration, by the name of its file."""
    configuration = {
        "_format_version": "3.0",
        "_transform": True,
        "upstreams": [_upstream(*row, layout.host) for row in layout.upstreams.items()],
        "services": _services(gates, layout),
        "routes": [_hidden(gate, place, layout.host) for place, gate in enumerate(gates) if gate.service == NOBODY],
        "plugins": [
            _plugin("pre-function", access=[FORWARDING, IDS]),
            _plugin("correlation-id", header_name="X-Request-Id", generator="uuid", echo_downstream=True),
            _plugin("request-transformer", remove={"headers": [*HOP, *IDENTITY]}),
        ],
    }
    return {"kong.json": json.dumps(configuration, indent=2, ensure_ascii=False) + "\n"}


def _plugin(name: str, **config: Any) -> dict[str, Any]:
    return {"name": name, "config": config}


def _upstream(name: str, addresses: tuple[str, ...], host: str) -> dict[str, Any]:
    active: dict[str, Any] = {
        "type": "http",
        "http_path": "/readyz",
        "timeout": 1,
        "concurrency": 10,
        "healthy": {"interval": 1, "successes": 2, "http_statuses": [200]},
        "unhealthy": {
            "interval": 1,
            "http_failures": 2,
            "tcp_failures": 2,
            "timeouts": 2,
            "http_statuses": [429, 404, 500, 501, 502, 503, 504, 505],
        },
    }
    return {
        "name": f"mercato-{name}",
        "algorithm": "round-robin",
        "healthchecks": {"active": {**active, "headers": {"Host": [host]}} if host else active},
        "targets": [{"target": address, "weight": 100} for address in addresses],
    }


def _services(gates: tuple[Gate, ...], layout: Layout) -> list[dict[str, Any]]:
    """One for each group of processes and each treatment: plugins of a service are shared by its routes, so that all
    of them are counted together."""
    placed = [(gate, LAST - place) for place, gate in enumerate(gates) if gate.service != NOBODY]
    placed.sort(key=lambda each: _treatment(each[0]))
    return [_service(list(members), layout) for _, members in groupby(placed, key=lambda each: _treatment(each[0]))]


def _treatment(gate: Gate) -> tuple[str, Limit, bool, int]:
    return gate.service, gate.limit, gate.methods[0] in SAFE, gate.max_body


def _service(members: list[tuple[Gate, int]], layout: Layout) -> dict[str, Any]:
    service, limit, safe, max_body = _treatment(members[0][0])
    name = f"{service}-{limit}-{'get' if safe else 'change'}-{max_body}"
    plugins = [_plugin("request-size-limiting", allowed_payload_size=max_body, size_unit="bytes")]
    if limit in layout.rules:
        plugins.append(_limit(layout.rules[limit]))
    return {
        "name": name,
        "protocol": "http",
        "host": f"mercato-{service}",
        "port": 80,
        "connect_timeout": 2_000,
        "write_timeout": 30_000,
        "read_timeout": 60_000,
        "retries": 2 if safe else 0,
        "plugins": plugins,
        "routes": [_route(gate, priority, layout.host) for gate, priority in members],
    }


def _limit(rule: Rule) -> dict[str, Any]:
    """Kong counts by seconds and minutes of the clock: a burst in one second, what is given back in a minute."""
    return _plugin(
        "rate-limiting",
        second=rule.burst,
        minute=max(rule.burst, per_minute(rule)),
        limit_by="ip",
        policy="local",
        fault_tolerant=True,
        hide_client_headers=True,
    )


def _route(gate: Gate, priority: int, host: str) -> dict[str, Any]:
    """All routes name methods and paths: Kong prefers those that name more, whatever their priority."""
    route: dict[str, Any] = {
        "name": gate.name,
        "protocols": ["http", "https"],
        "methods": list(gate.methods),
        "paths": [f"~{gate.pattern}$"],
        "regex_priority": priority,
        "strip_path": False,
        "preserve_host": True,
    }
    if host:
        route["hosts"] = [host]
    if gate.signed:  # only the plugin of the route is called, not the general one of the same name
        route["plugins"] = [_plugin("pre-function", access=[FORWARDING, IDS, SIGNED])]
    return route


def _hidden(gate: Gate, place: int, host: str) -> dict[str, Any]:
    terminating = _plugin(
        "request-termination", status_code=404, content_type="application/problem+json", body=document(404, "")
    )
    return {**_route(gate, LAST - place, host), "plugins": [terminating]}
