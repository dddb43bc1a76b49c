"""How good an order is, and reading judged searches."""

import gzip
from math import log2
from pathlib import Path

import pytest

from benchmarks.outcome import BenchmarkError
from benchmarks.search.judged import ndcg, read, recall

GAINS = {"a": 1.0, "b": 0.1, "c": 0.0}


def test_the_best_order_is_1_and_what_was_not_judged_gains_nothing() -> None:
    assert ndcg(["a", "b", "c"], GAINS) == 1.0
    assert ndcg(["x", "y"], GAINS) == 0.0
    assert ndcg([], GAINS) == 0.0
    assert ndcg(["b", "a"], GAINS) == pytest.approx((0.1 + 1 / log2(3)) / (1 + 0.1 / log2(3)))
    assert ndcg(["x"] * 10 + ["a"], GAINS) == 0.0


def test_recall_counts_what_has_the_full_grade() -> None:
    assert recall(["b", "x"], GAINS) == 0.0
    assert recall(["x", "a"], GAINS) == 1.0
    assert recall(["x", "a"], GAINS, depth=1) == 0.0


@pytest.mark.parametrize("by_folder", [True, False])
def test_a_folder_is_read(tmp_path: Path, by_folder: bool) -> None:
    line = b'{"asin": "a", "title": "Red shoes", "category": ["Shoes"], "price": 1.99, "rating": 4.5, "more": 1}\n'
    (tmp_path / "products.jsonl.gz").write_bytes(gzip.compress(line))
    judgments = tmp_path / "judgments.csv"
    judgments.write_text("query,product_id,grade\nred shoes,a,100\nred shoes,b,10\n")
    judged = read(tmp_path if by_folder else judgments)
    assert judged.gains == {"red shoes": {"a": 1.0, "b": 0.1}}
    assert [(entry.id, entry.price, entry.rating, entry.category_names) for entry in judged.entries] == [
        ("a", 199, 450, ("Shoes",))
    ]


def test_what_is_no_such_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="needs products"):
        read(tmp_path)
    (tmp_path / "products.jsonl").write_text("no JSON\n")
    (tmp_path / "judgments.csv").write_text("query,product_id,grade\n")
    with pytest.raises(BenchmarkError, match="format"):
        read(tmp_path)
