"""Which lines of the shop's log are findings: those that tell of something that must not happen, whatever fails."""

from typing import Any

import msgspec

# Lines that a fault outside the shop explains. What they lead to is checked elsewhere.
_EXPLAINED = frozenset(
    {
        *("batch_failed", "query_failed", "rollback_failed", "job_put_off", "retry_failed", "parked_unread"),
        "search_index_unavailable",
    }
)
_EXPECTED = ("InjectedFault", "waits behind", "GatewayError", "ConnectionError", "Unavailable", "Overloaded")


def complaint(line: str, *, calm: bool) -> str:
    """What is wrong about a line of the log, "" for nothing."""
    said: dict[str, Any] = msgspec.json.decode(line)
    error = str(said.get("error", ""))
    what = str(said.get("event", ""))
    if what in _EXPLAINED:
        return f"{what}: {error}" if calm and what == "batch_failed" else ""
    if any(word in error for word in _EXPECTED):
        return ""
    return f"{what}: {error.strip().rpartition(chr(10))[2]}"
