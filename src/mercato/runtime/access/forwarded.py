"""Who is calling when a proxy stands in between: its word is taken, and nobody else's.

Exactly one hop is believed. The proxy that connects to this process writes the address of whoever connected to *it* as
the last value of X-Forwarded-For; what stands before that value came from outside, and anybody can have written it.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

MEMORY = 4_096  # addresses that were looked at before

Network = IPv4Network | IPv6Network


class TrustedProxy:
    """The proxies whose word is taken. Raises ValueError, with what would do, for a text that names none."""

    def __init__(self, networks: str) -> None:
        self._networks = tuple(_network(part.strip()) for part in networks.split(","))
        self._trusts = lru_cache(MEMORY)(self._look_up)

    def caller(self, peer: str, forwarded: bytes | None) -> str:
        """The address to hold responsible for a request, of its direct peer and its X-Forwarded-For header."""
        if forwarded is None or not self._trusts(peer):
            return peer
        return _address(forwarded.rpartition(b",")[2]) or peer

    def _look_up(self, peer: str) -> bool:
        address = _parsed(peer)
        return address is not None and any(address in network for network in self._networks)


def trusted_proxy(networks: str) -> TrustedProxy | None:
    """None where nobody is trusted, so that there is nothing to do for a request."""
    return TrustedProxy(networks) if networks.strip() else None


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}; it takes addresses and networks, as in 10.0.0.5 or 10.0.0.0/24,fd00::/64") from None
    if not network.prefixlen:
        raise ValueError(f"{text} is everybody, and everybody could then call under any address; name the proxies")
    return network


@lru_cache(MEMORY)
def _address(value: bytes) -> str:
    """A value as an address in its usual form, "" for anything else."""
    address = _parsed(value.decode("latin-1").strip())
    return "" if address is None else str(address)


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
