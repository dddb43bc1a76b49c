"""HAProxy: one complete file. A `global` section of the operator's own may be given in another one beside it."""

from collections.abc import Iterable

from mercato.apps.edge.answers import HOP, IDENTITY, REQUEST_ID, document
from mercato.apps.edge.layout import STOREFRONT, Layout
from mercato.apps.edge.table import NOBODY, SAFE, Gate
from mercato.runtime.access.limits import Limit, Rule
from mercato.runtime.http.exchange import MAX_BODY

HEAD = """\
# Made by `mercato edge haproxy` for HAProxy 2.6 or newer.
# Another layout is another call of the command: what is edited here is lost with the next one.

global
    hard-stop-after 60s
    log stdout format raw local0 info

defaults
    mode http
    log global
    option httplog
    option dontlognull
    option redispatch 1
    option idle-close-on-response
    retries 2
    retry-on conn-failure empty-response
    timeout connect 2s
    timeout client 30s
    timeout server 60s
    timeout check 1s
    timeout http-request 15s
    timeout http-keep-alive 65s
    timeout queue 5s
"""

ALSO = {401: "hdr WWW-Authenticate Bearer", 429: "hdr Retry-After 1", 503: "hdr Retry-After 1"}

# A service is left out after two failed checks: the second follows a quarter of a second after the first.
CHECKS = "check inter 1s fastinter 250ms fall 2 rise 2"


def haproxy(gates: tuple[Gate, ...], layout: Layout) -> dict[str, str]:
    """The configuration, by the name of its file."""
    rules = layout.rules
    parts = [
        HEAD,
        _frontend(gates, layout),
        *_tables(rules),
        *(_backend(*row, layout.host) for row in layout.upstreams.items()),
    ]
    return {"haproxy.cfg": "\n".join(parts)}


def _frontend(gates: tuple[Gate, ...], layout: Layout) -> str:
    lines = [
        "frontend mercato",
        f"    bind {layout.listen}",
        "    http-request set-var(txn.request) uuid(),regsub(^,req_)",
        "    http-request set-var(txn.request) req.hdr(x-request-id) if"
        f" {{ req.fhdr_cnt(x-request-id) eq 1 }} {{ req.fhdr(x-request-id) -m reg '^{REQUEST_ID}$' }}",
        *_strangers(layout.host),
        "",
        "    http-request set-var(txn.path) path,url_dec",
        "    # The first gate that fits a request's method and path decides what is done with it.",
        '    http-request set-var(txn.asked) method,concat(" ",txn.path)',
        *(_gate(gate) for gate in gates),
        "",
        f"    http-request {_answer(405)} if !{{ var(txn.gate) -m found }}",
        f"    http-request {_answer(404)} if {_among(gate.name for gate in gates if gate.service == NOBODY)}",
        *_signed(gates),
        *_limits(gates, layout.rules),
        *_sizes(gates),
        "",
        *_headers(),
        "    http-request disable-l7-retry unless { method " + " ".join(SAFE) + " }",
        *(_fault(status) for status in (502, 503, 504)),
        "",
        *_choices(gates),
    ]
    return "\n".join(lines) + "\n"


def _gate(gate: Gate) -> str:
    asked = f"^(?:{'|'.join(gate.methods)}) {gate.pattern}$"
    return (
        f"    http-request set-var(txn.gate) str({gate.name}) if !{{ var(txn.gate) -m found }}"
        f" {{ var(txn.asked) -m reg '{asked}' }}"
    )


def _among(names: Iterable[str]) -> str:
    return f"{{ var(txn.gate) -m str {' '.join(names)} }}"


def _answer(status: int) -> str:
    """The rest of a rule that answers with the document of this status."""
    return f"return {_document(status)}"


def _fault(status: int) -> str:
    """What is said where a process has not answered."""
    return f"    http-error {_document(status)}"


def _document(status: int) -> str:
    also = f" {ALSO[status]}" if status in ALSO else ""
    return (
        f"status {status} content-type application/problem+json hdr Cache-Control no-store"
        f" hdr X-Request-Id %[var(txn.request)]{also} lf-string '{document(status, '%[var(txn.request)]')}'"
    )


def _strangers(host: str) -> list[str]:
    """Who asks for another name gets nothing."""
    return [
        f"    http-request deny deny_status 421 unless {{ req.hdr(host),host_only,lower -m str {host.lower()} }}"
    ] * bool(host)


def _signed(gates: tuple[Gate, ...]) -> list[str]:
    signed = [gate.name for gate in gates if gate.signed]
    return (
        [f"    http-request {_answer(401)} if {_among(signed)} !{{ req.hdr(authorization) -m found }}"]
        if signed
        else []
    )


def _limits(gates: tuple[Gate, ...], rules: dict[Limit, Rule]) -> list[str]:
    lines = []
    for name, rule in rules.items():
        counted = _among(gate.name for gate in gates if gate.limit == name)
        lines += [
            f"    http-request track-sc0 src table mercato_rate_{name} if {counted}",
            f"    http-request {_answer(429)} if {counted} {{ sc0_http_req_rate gt {rule.burst} }}",
        ]
    return lines


def _sizes(gates: tuple[Gate, ...]) -> list[str]:
    larger = [gate for gate in gates if gate.max_body > MAX_BODY]
    usual = f" !{_among(gate.name for gate in larger)}" if larger else ""
    return [
        f"    http-request {_answer(413)} if {{ req.hdr_val(content-length) gt {MAX_BODY} }}{usual}",
        *(
            f"    http-request {_answer(413)} if {{ req.hdr_val(content-length) gt {gate.max_body} }}"
            f" {_among([gate.name])}"
            for gate in larger
        ),
    ]


def _headers() -> list[str]:
    """Everything that tells about the client is written here, and nothing of it taken over."""
    ours = {
        "X-Request-Id": "%[var(txn.request)]",
        "X-Forwarded-For": "%[src]",
        "X-Forwarded-Host": "%[req.hdr(host)]",
        "X-Forwarded-Port": "%[dst_port]",
        "X-Forwarded-Proto": "%[ssl_fc,iif(https,http)]",
        "X-Real-IP": "%[src]",
    }
    return [
        *(f"    http-request del-header {name}" for name in (*HOP, *IDENTITY)),
        "    http-request del-header x-mercato- -m beg",
        *(f"    http-request set-header {name} {value}" for name, value in ours.items()),
    ]


def _choices(gates: tuple[Gate, ...]) -> list[str]:
    services = dict.fromkeys(gate.service for gate in gates if gate.service not in (NOBODY, STOREFRONT))
    return [
        *(
            f"    use_backend mercato_{service} if {_among(gate.name for gate in gates if gate.service == service)}"
            for service in services
        ),
        f"    default_backend mercato_{STOREFRONT}",
    ]


def _tables(rules: dict[Limit, Rule]) -> list[str]:
    """A burst, in the time in which as many requests are given back."""
    return [
        f"backend mercato_rate_{name}\n"
        f"    stick-table type ipv6 size 200k expire {_seconds(rule) * 2}s store http_req_rate({_seconds(rule)}s)\n"
        for name, rule in rules.items()
    ]


def _seconds(rule: Rule) -> int:
    return max(1, round(rule.burst / rule.per_second))


def _backend(name: str, addresses: tuple[str, ...], host: str) -> str:
    return (
        f"backend mercato_{name}\n"
        "    balance roundrobin\n"
        "    option httpchk\n"
        f"    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host {host or 'localhost'}\n"
        "    http-check expect status 200\n"
        f"    default-server {CHECKS}\n"
        + "".join(f"    server {name}_{place} {address}\n" for place, address in enumerate(addresses, start=1))
    )
