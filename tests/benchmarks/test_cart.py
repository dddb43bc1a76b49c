"""`bench cart` in small, and a server that refuses."""

import msgspec
import pytest

from benchmarks import cart
from benchmarks.seed import Seeded
from benchmarks.server import Server
from tests.benchmarks.bench import bench, needs_compiler

SMALL = ("--seconds", "1", "--warmup", "0", "--connections", "4", "--users", "8", "--products", "6")

pytestmark = needs_compiler


def test_carts_are_filled(capfd: pytest.CaptureFixture[str]) -> None:
    code, figures, _ = bench(capfd, "cart", *SMALL)
    assert (code, figures["failures"]) == (0, 0)
    assert figures["additions_per_second"] > 0
    assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["p999_ms"]


def test_refusals_make_the_benchmark_fail(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    usual = cart.requests_of

    def unknown(shop: Server, seeded: Seeded) -> list[bytes]:
        return usual(shop, msgspec.structs.replace(seeded, variants=("var_1",)))

    monkeypatch.setattr(cart, "requests_of", unknown)
    code, figures, told = bench(capfd, "cart", *SMALL)
    assert code == 1
    assert figures["failures"] > 0
    assert "FAULT: answers that were not 200: {404: " in told
