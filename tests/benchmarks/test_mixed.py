"""`bench mixed` in small: the form of its result, what is looked at, and a shop that does not show what it lists."""

from collections import Counter
from pathlib import Path

import pytest

from benchmarks import mixed
from benchmarks.load.client import View
from benchmarks.seed import Seed, Seeded
from benchmarks.server import Server, server
from tests.benchmarks.bench import bench, needs_compiler

SMALL = ("--seconds", "1.5", "--warmup", "0.2", "--connections", "4", "--users", "8", "--products", "60")

pytestmark = needs_compiler


def test_of_ten_requests_nine_look_around(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, figures, told = bench(capfd, "mixed", *SMALL, "--folder", str(tmp_path))
    assert (code, figures["failures"], figures["verify_differences"], figures["receipts_missing"]) == (0, 0, 0, 0)
    assert figures["requests_per_second"] > figures["journeys_per_second"] > 0
    assert figures["browsing_share"] == pytest.approx(0.9, abs=0.03)
    assert 0 < figures["client_cpu_share"] < 1
    for kind in ("rest", "html", "journey", "journey_step"):
        assert 0 < figures[f"{kind}_p50_ms"] <= figures[f"{kind}_p99_ms"] <= figures[f"{kind}_p999_ms"]
    assert figures["server_cpu_us_per_request"] > 0
    assert "share of browsing" in told
    assert list(tmp_path.iterdir()) == []


def test_each_product_is_looked_at_once_as_a_document_and_once_as_a_page() -> None:
    with server(Seed(60, 1, categories=True)) as (shop, seeded):
        shop.start()
        views = mixed.views_of(shop, seeded)
        paths = [view.request.split(b" ")[1].decode() for view in views]
        assert all(shop.get(path)[0] == 200 for path in set(paths))
    assert Counter(view.kind for view in views) == {"rest": 100, "html": 100}
    seen = Counter(paths)
    assert all(seen[f"/v1/products/{product}"] == 1 for product in seeded.products)
    assert all(seen[f"/products/work-shirt-{place}"] == 1 for place in range(60))
    assert (seen["/"], seen["/v1/categories"]) == (10, 10)
    assert len([path for path in seen if path.startswith("/v1/products?") and "cursor=" in path]) > 4
    assert len([path for path in seen if path.startswith("/categories/women-shirts?sort=")]) >= 1


def test_what_cannot_be_looked_at_makes_the_benchmark_fail(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(shop: Server, _seeded: Seeded) -> list[View]:
        return [mixed._page(shop, "/products/no-such-thing")]

    monkeypatch.setattr(mixed, "views_of", broken)
    code, figures, told = bench(capfd, "mixed", *SMALL, "--seconds", "0.3")
    assert code == 1
    assert figures["failures"] > 0
    assert "journeys failed at html: status 404" in told
