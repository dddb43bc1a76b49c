"""What must hold in each database after every commit: questions whose rows are violations.

They look at committed state on connections of their own, which outlive the processes of the shop. QUICK is asked
after each commit, THOROUGH every few seconds, of all databases.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mercato.apps.simulate.findings import Finding
from mercato.runtime.database.sqlite import connect

Questions = tuple[tuple[str, str], ...]

_GAPS = (
    "I19",
    "SELECT 'its log', 'numbers ' || min(number) || ' to ' || max(number) || ' are ' || count(*) || ' events' "
    "FROM outbox HAVING max(number) - min(number) + 1 <> count(*)",
)

QUICK: dict[str, Questions] = {
    "inventory": (
        (
            "I1",
            "SELECT store || ' ' || variant_id, 'received + returned is not available + reserved + sold + written off' "
            "FROM stock WHERE received + returned <> available + reserved + sold + written_off "
            "OR min(available, reserved, sold, received, returned, written_off) < 0",
        ),
        (
            "I2",
            "SELECT s.store || ' ' || s.variant_id, s.reserved || ' reserved, its holds have ' || coalesce(r.held, 0) "
            "FROM stock s LEFT JOIN (SELECT store, variant_id, location_id, sum(quantity) AS held FROM reservations "
            "WHERE state = 'held' GROUP BY store, variant_id, location_id) r "
            "ON r.store = s.store AND r.variant_id = s.variant_id AND r.location_id = s.location_id "
            "WHERE s.reserved <> coalesce(r.held, 0)",
        ),
    ),
    "orders": (
        (
            "I15",
            "SELECT o.store || ' ' || o.id, 'it is at version ' || o.version || ' with ' || t.told || ' transitions' "
            "FROM orders o JOIN (SELECT store, order_id, count(*) AS told, max(version) AS last FROM transitions "
            "GROUP BY store, order_id) t ON t.store = o.store AND t.order_id = o.id "
            "WHERE o.version <> t.told OR o.version <> t.last",
        ),
        (
            "I14",
            "SELECT store || ' ' || cart_id, count(*) || ' orders of its version ' || cart_version "
            "FROM orders GROUP BY store, cart_id, cart_version HAVING count(*) > 1",
        ),
        (
            "I19",
            "SELECT 'its log', (SELECT count(*) FROM transitions) || ' transitions were told by ' || count(*) "
            "|| ' events' FROM outbox HAVING min(number) = 1 AND count(*) <> (SELECT count(*) FROM transitions)",
        ),
        (
            "I10",
            "SELECT store || ' ' || id, 'it is paid with ' || captured || ' of ' || total FROM orders "
            "WHERE stage = 'paid' AND captured < total",
        ),
        (
            "I16",
            "SELECT o.store || ' ' || o.id, 'it expired ' || (o.hold_expires_at - t.at) || ' ms before its hold' "
            "FROM orders o JOIN transitions t ON t.store = o.store AND t.order_id = o.id "
            "WHERE o.cancel_reason = 'expired' AND t.event = 'OrderCancelled' AND t.at < o.hold_expires_at",
        ),
        (
            "I13",
            "SELECT o.store || ' ' || o.id, 'it is ' || o.stage || ', and who ordered it was ' "
            "|| CASE WHEN k.body IS NULL THEN 'never answered' ELSE 'answered as if it were decided' END "
            "FROM idempotency k JOIN orders o ON o.store = k.store AND o.id = k.subject "
            "WHERE (k.body IS NULL) = (o.stage <> 'placed')",
        ),
    ),
    "payments": (
        (
            "I7",
            "SELECT store || ' ' || id, refunded || ' refunded of ' || amount || ', it is ' || state "
            "FROM payments WHERE refunded > amount OR refunded > 0 AND state <> 'captured'",
        ),
        (
            "I9",
            "SELECT p.store || ' ' || p.id, p.amount || ' asked for, ' || coalesce(d.amount, 'nothing') || ' was due' "
            "FROM payments p LEFT JOIN dues d ON d.store = p.store AND d.order_id = p.order_id "
            "WHERE d.amount IS NULL OR d.amount <> p.amount",
        ),
        (
            "I16",
            "SELECT p.store || ' ' || p.id, 'it is ' || p.state || ', and nobody works on it' FROM payments p "
            "WHERE p.state IN ('calling', 'unknown', 'action_needed') AND NOT EXISTS "
            "(SELECT 1 FROM intents i WHERE i.store = p.store AND i.subject = p.id)",
        ),
        (
            "I16",
            "SELECT r.store || ' ' || r.id, 'it is calling, and nobody works on it' FROM refunds r "
            "WHERE r.state = 'calling' AND NOT EXISTS "
            "(SELECT 1 FROM intents i WHERE i.store = r.store AND i.subject = r.id)",
        ),
        (
            "I10",
            "SELECT p.store || ' ' || p.id, 'it is calling, and another one may be tried' FROM payments p "
            "JOIN dues d ON d.store = p.store AND d.order_id = p.order_id "
            "WHERE p.state = 'calling' AND (d.state = 'open' OR d.state = 'paying' AND d.payment_id <> p.id)",
        ),
        (
            "I16",
            "SELECT d.store || ' ' || d.order_id, 'it waits for a payment that has failed' FROM dues d "
            "JOIN payments p ON p.store = d.store AND p.id = d.payment_id "
            "WHERE d.state = 'paying' AND p.state = 'failed'",
        ),
    ),
    "notifications": (
        (
            "I23",
            "SELECT d.store || ' ' || d.id, 'it waits, and nobody works on it' FROM deliveries d "
            "WHERE d.state = 'waiting' AND NOT EXISTS "
            "(SELECT 1 FROM intents i WHERE i.store = d.store AND i.subject = d.id)",
        ),
        (
            "I23",
            "SELECT store || ' ' || subject_id, count(*) || ' mails of the kind ' || template "
            "FROM deliveries GROUP BY store, subject_id, template HAVING count(*) > 1",
        ),
    ),
    "carts": (
        (
            "I14",
            "SELECT store || ' ' || id, 'it has lines and no currency' FROM documents "
            "WHERE json_array_length(body, '$.lines') > 0 AND coalesce(json_extract(body, '$.currency'), '') = ''",
        ),
    ),
    "stores": (),
    "users": (
        (
            "I26",
            "SELECT s.store || ' ' || s.id, 'its account does not exist' FROM sessions s WHERE NOT EXISTS "
            "(SELECT 1 FROM users u WHERE u.store = s.store AND u.id = s.user_id)",
        ),
    ),
    "catalog": (),
    "pricing": (),
    "search": (
        (
            "I22",
            "SELECT e.store || ' ' || e.id, 'its lowest price is not that of a variant: ' || e.price_from "
            "FROM entries e WHERE e.price_from IS NOT (SELECT min(p.amount) FROM prices p JOIN variants v "
            "ON v.store = p.store AND v.id = p.variant_id WHERE p.store = e.store AND p.product_id = e.id "
            "AND p.currency = e.currency AND v.product_id = e.id AND v.version = e.version)",
        ),
        (
            "I22",
            "SELECT e.store || ' ' || e.id, 'whether it is available is not what its variants say: ' || e.available "
            "FROM entries e WHERE e.available <> coalesce((SELECT max(s.in_stock) FROM stock s JOIN variants v "
            "ON v.store = s.store AND v.id = s.variant_id WHERE s.store = e.store AND v.product_id = e.id "
            "AND v.version = e.version), 0)",
        ),
        (
            "I22",
            "SELECT 'its changes', 'one has the number ' || max(e.changed) || ', the latest is ' || m.number "
            "FROM entries e, marks m WHERE m.name = 'entries' GROUP BY m.number HAVING max(e.changed) > m.number",
        ),
    ),
}

_TWICE = (
    "I19",
    "SELECT store || ' ' || aggregate, type || ' was told ' || count(*) || ' times for its version ' "
    "|| aggregate_version FROM outbox GROUP BY store, aggregate, aggregate_version, type HAVING count(*) > 1",
)

# What stays wrong once it is. Of every service: _TWICE. What an event tells is what the row says, while the log has it.
THOROUGH: dict[str, Questions] = {
    "orders": (
        (
            "F11",
            "SELECT store || ' ' || id, 'its goods are held for ' || (hold_expires_at - placed_at) || ' ms' "
            "FROM orders WHERE hold_expires_at - placed_at NOT IN (15 * 60000, 30 * 60000)",
        ),
        (
            "I16",
            "SELECT o.store || ' ' || o.id, 'it was paid, and then cancelled as ' || o.cancel_reason "
            "FROM orders o JOIN transitions t ON t.store = o.store AND t.order_id = o.id "
            "WHERE t.event = 'OrderPaid' AND o.cancel_reason IN ('expired', 'sold_out')",
        ),
        (
            "I7",
            "SELECT store || ' ' || id, refunded || ' refunded of ' || captured FROM orders WHERE refunded > captured",
        ),
        (
            "I19",
            "SELECT o.store || ' ' || o.id, 'OrderPlaced tells of another cart version or total' "
            "FROM outbox e JOIN orders o ON o.store = e.store AND o.id = e.aggregate WHERE e.type = 'OrderPlaced' "
            "AND (json_extract(e.body, '$.cart_version') <> o.cart_version "
            "OR json_extract(e.body, '$.total.amount') <> o.total)",
        ),
        (
            "I19",
            "SELECT o.store || ' ' || o.id, 'OrderCancelled tells of another reason than ' || o.cancel_reason "
            "FROM outbox e JOIN orders o ON o.store = e.store AND o.id = e.aggregate WHERE e.type = 'OrderCancelled' "
            "AND json_extract(e.body, '$.reason') <> o.cancel_reason",
        ),
    ),
    "payments": (
        (
            "I19",
            "SELECT p.store || ' ' || p.id, 'it is ' || p.state || ', and no event says so' "
            "FROM payments p LEFT JOIN (SELECT DISTINCT store, aggregate, type FROM outbox) e "
            "ON e.store = p.store AND e.aggregate = p.id AND e.type = CASE p.state WHEN 'captured' THEN "
            "'PaymentCaptured' WHEN 'failed' THEN 'PaymentFailed' ELSE 'PaymentPending' END "
            "WHERE p.state <> 'calling' AND e.type IS NULL AND (SELECT min(number) FROM outbox) = 1",
        ),
    ),
    "catalog": (
        (
            "I22",
            "SELECT l.store || ' ' || l.product_id, 'it is listed as ' || l.title || ' at ' || l.price "
            "FROM listing l LEFT JOIN products p ON p.store = l.store AND p.id = l.product_id "
            "LEFT JOIN (SELECT store, product_id, currency, min(amount) AS lowest FROM prices "
            "GROUP BY store, product_id, currency) r "
            "ON r.store = p.store AND r.product_id = p.id AND r.currency = p.currency "
            "WHERE p.status IS NOT 'active' OR l.title <> p.title OR l.price <> coalesce(r.lowest, 1 << 62)",
        ),
        (
            "I22",
            "SELECT p.store || ' ' || p.id, 'it is active, and in no list' FROM products p LEFT JOIN listing l "
            "ON l.store = p.store AND l.product_id = p.id AND l.category_id = '' "
            "WHERE p.status = 'active' AND l.product_id IS NULL",
        ),
    ),
}


class Safety:
    """Asks the questions. `folder` has one database a service."""

    def __init__(self, folder: Path) -> None:
        self._connections = {name: connect(folder / f"{name}.db") for name in QUICK}
        self._questions = {name: (_GAPS, *questions) for name, questions in QUICK.items()}

    def rows(self, service: str, sql: str, **parameters: Any) -> list[tuple[object, ...]]:
        """Committed rows of one service."""
        return self._connections[service].execute(sql, parameters).fetchall()

    def parked(self) -> bool:
        """Whether any event waits for a retry."""
        return any(self.rows(service, "SELECT 1 FROM parked LIMIT 1") for service in self._connections)

    def violations(self, service: str) -> Iterator[Finding]:
        execute = self._connections[service].execute
        for invariant, sql in self._questions[service]:
            for subject, text in execute(sql):
                yield Finding(invariant, f"{service} {subject}", text)

    def thorough_violations(self) -> Iterator[Finding]:
        for service, connection in self._connections.items():
            yield from self.violations(service)
            for invariant, sql in (_TWICE, *THOROUGH.get(service, ())):
                for subject, text in connection.execute(sql):
                    yield Finding(invariant, f"{service} {subject}", text)

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
