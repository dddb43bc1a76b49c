"""The proxy whose word is taken: one hop, of one who is known."""

import pytest

from mercato.runtime.access.forwarded import TrustedProxy, trusted_proxy
from mercato.runtime.settings import SettingsError, read_settings

PROXY = "10.1.2.3"
NETWORKS = f"{PROXY}, 172.16.0.0/12,fd00::/64"


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        (PROXY, b"198.51.100.7", "198.51.100.7"),
        (PROXY, b" 198.51.100.7 ", "198.51.100.7"),
        ("172.31.255.255", b"198.51.100.7", "198.51.100.7"),
        ("fd00::5", b"2001:DB8::1", "2001:db8::1"),
        ("::ffff:10.1.2.3", b"::ffff:198.51.100.7", "198.51.100.7"),
        # What a client wrote stands before what the proxy wrote, whoever it names.
        (PROXY, b"127.0.0.1, 198.51.100.7", "198.51.100.7"),
        (PROXY, b"10.1.2.3,10.1.2.3,198.51.100.7", "198.51.100.7"),
        # A known proxy that says nothing, or nothing that is an address, speaks for itself.
        (PROXY, None, PROXY),
        (PROXY, b"", PROXY),
        (PROXY, b"198.51.100.7,", PROXY),
        (PROXY, b"unknown", PROXY),
        (PROXY, b"198.51.100.7:4711", PROXY),
        (PROXY, b"198.51.100.7, \xff", PROXY),
        # Anybody else is who they are.
        ("10.1.2.4", b"198.51.100.7", "10.1.2.4"),
        ("fd00:0:0:1::5", b"198.51.100.7", "fd00:0:0:1::5"),
        ("127.0.0.1", b"198.51.100.7", "127.0.0.1"),
        ("", b"198.51.100.7", ""),
    ],
)
def test_only_the_last_value_of_a_known_proxy_is_believed(peer: str, forwarded: bytes | None, caller: str) -> None:
    proxy = TrustedProxy(NETWORKS)
    assert [proxy.caller(peer, forwarded) for _ in range(2)] == [caller, caller]


def test_without_the_setting_there_is_nothing_to_ask() -> None:
    assert trusted_proxy("") is None
    assert trusted_proxy("  ") is None


@pytest.mark.parametrize("wrong", ["proxy.internal", "10.0.0.1/8", "10.0.0.0/24,", "0.0.0.0/0", "::/0", "10.0.0.0/33"])
def test_a_setting_that_names_no_proxy_is_told_with_what_would_do(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"^MERCATO_TRUSTED_PROXY is .* (as in|name the proxies)"):
        read_settings({"MERCATO_TRUSTED_PROXY": wrong})


def test_the_setting_is_read() -> None:
    assert read_settings({}).trusted_proxy == ""
    assert read_settings({"MERCATO_TRUSTED_PROXY": NETWORKS}).trusted_proxy == NETWORKS
