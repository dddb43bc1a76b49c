"""Weights that are learned from judged searches."""

from benchmarks.search.learning import Example, learn, order

EXAMPLES = [
    Example("one", ("a", "b"), ({"good": 1.0}, {"useless": 1.0, "bad": -1.0}), (1.0, 0.0)),
    Example("two", ("c", "d"), ({"bad": -1.0}, {"good": 1.0, "useless": 1.0}), (0.0, 1.0)),
    Example("nothing is right", ("e",), ({"useless": 1.0},), (0.0,)),
]


def test_what_tells_right_from_wrong_gets_weight() -> None:
    weights = learn(EXAMPLES, ("good", "useless", "bad"), {})
    assert weights["good"] > 1.0
    assert weights["bad"] > 1.0
    assert weights["useless"] < 0.2
    assert [order(example, weights)[0] for example in EXAMPLES] == ["a", "d", "e"]


def test_no_weight_is_below_0_and_fixed_ones_stay() -> None:
    wrong = [Example("one", ("a", "b"), ({"harm": 1.0}, {}), (0.0, 1.0))]
    assert learn(wrong, ("harm",), {"fixed": 3.0}) == {"harm": 0.0, "fixed": 3.0}


def test_without_examples_weights_stay_as_they_begin() -> None:
    assert learn([], ("good",), {}) == {"good": 0.1}
