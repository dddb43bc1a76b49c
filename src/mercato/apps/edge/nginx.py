"""nginx: one file to be included in its `http` block."""

from mercato.apps.edge.answers import HOP, IDENTITY, REFUSALS, REQUEST_ID, document
from mercato.apps.edge.layout import Layout, per_minute
from mercato.apps.edge.table import NOBODY, Gate
from mercato.runtime.access.limits import Limit, Rule
from mercato.runtime.http.exchange import MAX_BODY

HEAD = """\
# Made by `mercato edge nginx` for nginx 1.22 or newer, to be included in the http block (as in conf.d).
# Another layout is another call of the command: what is edited here is lost with the next one.
"""

# What the answers of nginx itself say beside their document.
ALSO = {401: 'add_header WWW-Authenticate "Bearer" always;', 429: 'add_header Retry-After "1" always;'}
ALSO[503] = ALSO[429]

PROXYING = """\
    # A kept connection is closed by nginx (60 s) before a process would (75 s), so no request meets a closing one.
    # What may have been begun is sent to another process only where nothing is changed. Of changes nginx repeats those
    # that HTTP calls idempotent, so PUT and DELETE go a way of their own: to one process, once.
    proxy_http_version 1.1;
    proxy_connect_timeout 2s;
    proxy_send_timeout 30s;
    proxy_read_timeout 60s;
    proxy_next_upstream error timeout;
    proxy_next_upstream_tries 2;
    proxy_next_upstream_timeout 10s;
    proxy_redirect off;"""


def nginx(gates: tuple[Gate, ...], layout: Layout) -> dict[str, str]:
    """The configuration, by the name of its file."""
    parts = [
        HEAD,
        *_upstreams(layout),
        _request_id(),
        *_maps(gates, layout.rules),
        *_limits(layout.rules),
        *_servers(gates, layout),
    ]
    return {"mercato.conf": "\n".join(parts)}


def _upstreams(layout: Layout) -> list[str]:
    return [
        f"upstream mercato_{name} {{\n    zone mercato_{name} 128k;\n"
        + "".join(f"    server {address} max_fails=3 fail_timeout=2s;\n" for address in addresses)
        + "    keepalive 64;\n    keepalive_timeout 60s;\n}\n"
        for name, addresses in layout.upstreams.items()
    ]


def _request_id() -> str:
    return (
        "map $http_x_request_id $mercato_request_id {\n"
        '    default "req_$request_id";\n'
        f'    "~^{REQUEST_ID}$" $http_x_request_id;\n'
        "}\n"
    )


def _maps(gates: tuple[Gate, ...], rules: dict[Limit, Rule]) -> list[str]:
    """A request's gate by its method and path, then what follows from the gate."""
    passes = "".join(f'    "~^(?:{"|".join(gate.methods)}) {gate.pattern}$" {gate.name};\n' for gate in gates)
    found = f'map "$request_method $uri" $mercato_gate {{\n    default "";\n{passes}}}\n'
    services = {gate.name: f"mercato_{gate.service}" for gate in gates if gate.service != NOBODY}
    signed = {f"{gate.name}:": "1" for gate in gates if gate.signed}
    return [
        found,
        _map("$mercato_gate", "$mercato_processes", services),
        _map('"$mercato_gate:$http_authorization"', "$mercato_signed_out", signed),
        _map("$request_method", "$mercato_once", {"PUT": "1", "DELETE": "1"}),
        *(
            _map(
                "$mercato_gate",
                f"$mercato_{limit}",
                {gate.name: "$binary_remote_addr" for gate in gates if gate.limit == limit},
            )
            for limit in rules
        ),
    ]


def _map(source: str, target: str, rows: dict[str, str]) -> str:
    return f'map {source} {target} {{\n    default "";\n' + "".join(f"    {k} {v};\n" for k, v in rows.items()) + "}\n"


def _limits(rules: dict[Limit, Rule]) -> list[str]:
    """An address with an empty key is not counted; ten megabytes keep 80,000 of the others."""
    zones = [
        f"limit_req_zone $mercato_{name} zone=mercato_{name}:10m rate={per_minute(rule)}r/m;"
        for name, rule in rules.items()
    ]
    return [*zones, ""] if zones else []


def _servers(gates: tuple[Gate, ...], layout: Layout) -> list[str]:
    rules = layout.rules
    limits = [f"    limit_req zone=mercato_{name} burst={rule.burst} nodelay;" for name, rule in rules.items()]
    lines = [
        "server {",
        f"    listen {layout.listen};",
        f"    server_name {layout.host or '_'};",
        "    server_tokens off;",
        "    default_type application/problem+json;",
        "    client_header_timeout 15s;",
        "    client_body_timeout 15s;",
        "    send_timeout 30s;",
        "    keepalive_timeout 65s;",
        "    reset_timedout_connection on;",
        *limits,
        *(["    limit_req_status 429;"] if limits else []),
        "",
        PROXYING,
        *_headers(),
        "",
        *(f"    error_page {status} @mercato_{status};" for status in REFUSALS),
        "    recursive_error_pages on;",
        "",
        '    if ($mercato_gate = "") { return 405; }',
        '    if ($mercato_processes = "") { return 404; }',
        "    if ($mercato_signed_out) { return 401; }",
        "",
        *_larger(gates),
        *_location("/", MAX_BODY),
        "    error_page 418 = @mercato_once;",
        "    location @mercato_once {",
        "        proxy_next_upstream off;",
        "        proxy_pass http://$mercato_processes;",
        "    }",
        "",
        *(line for status in REFUSALS for line in _answer(status)),
        "}",
        "",
    ]
    return ["\n".join(lines), *([_stranger(layout)] if layout.host else [])]


def _headers() -> list[str]:
    """Everything that tells about the client is written here, and nothing of it taken over."""
    ours = {
        "Host": "$http_host",
        "Connection": '""',
        "X-Request-Id": "$mercato_request_id",
        "X-Forwarded-For": "$remote_addr",
        "X-Forwarded-Host": "$http_host",
        "X-Forwarded-Port": "$server_port",
        "X-Forwarded-Proto": "$scheme",
        "X-Real-IP": "$remote_addr",
    }
    removed = dict.fromkeys((*HOP, *IDENTITY), '""')
    return [f"    proxy_set_header {name} {value};" for name, value in (ours | removed).items()]


def _larger(gates: tuple[Gate, ...]) -> list[str]:
    """A location for paths that take larger bodies: this limit cannot depend on a variable."""
    return [
        line for gate in gates if gate.max_body > MAX_BODY for line in _location(f'~ "^{gate.pattern}$"', gate.max_body)
    ]


def _location(where: str, max_body: int) -> list[str]:
    return [
        f"    location {where} {{",
        f"        client_max_body_size {max_body};",
        "        if ($mercato_once) { return 418; }",
        "        proxy_pass http://$mercato_processes;",
        "    }",
        "",
    ]


def _answer(status: int) -> list[str]:
    return [
        f"    location @mercato_{status} {{",
        "        internal;",
        '        add_header X-Request-Id "$mercato_request_id" always;',
        '        add_header Cache-Control "no-store" always;',
        *([f"        {ALSO[status]}"] if status in ALSO else []),
        f"        return {status} '{document(status, '$mercato_request_id')}';",
        "    }",
    ]


def _stranger(layout: Layout) -> str:
    """Who asks for another name gets nothing."""
    return f"server {{\n    listen {layout.listen} default_server;\n    server_name _;\n    return 444;\n}}\n"
