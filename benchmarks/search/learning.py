"""Learning the weights of ranking from judged searches: few weights, none below 0, drawn towards 0.

Each search says how its candidates should share the attention (by their gains) and the weights say how they do (the
softmax of their scores); the cross entropy of both is made small by gradient descent (Adam). It has no chance in it.
"""

from collections.abc import Collection, Mapping, Sequence
from math import exp, sqrt

import msgspec

_STEPS = 150
_RATE = 0.1
_PULL = 0.02  # towards 0, per weight
_BEGIN = 0.1
_FORGET, _FORGET_SQUARES = 0.9, 0.999


class Example(msgspec.Struct, frozen=True):
    """A search: the features of each candidate, those that are 0 left out, and the gain of each."""

    query: str
    products: tuple[str, ...]
    features: tuple[Mapping[str, float], ...]
    gains: tuple[float, ...]


Weights = dict[str, float]


def learn(examples: Sequence[Example], names: Collection[str], fixed: Mapping[str, float]) -> Weights:
    """Weights of `names`, with those of `fixed` as they are."""
    weights = dict.fromkeys(names, _BEGIN) | dict(fixed)
    mean, square = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    useful = [example for example in examples if sum(example.gains)]
    for step in range(1, _STEPS + 1 if useful else 1):
        slope = _slope(useful, weights)
        for name in mean:
            push = slope.get(name, 0.0) / len(useful) + _PULL * weights[name]
            mean[name] = _FORGET * mean[name] + (1 - _FORGET) * push
            square[name] = _FORGET_SQUARES * square[name] + (1 - _FORGET_SQUARES) * push * push
            size = sqrt(square[name] / (1 - _FORGET_SQUARES**step)) + 1e-8
            weights[name] = max(0.0, weights[name] - _RATE * mean[name] / (1 - _FORGET**step) / size)
    return weights


def order(example: Example, weights: Mapping[str, float]) -> list[str]:
    """The candidates' products, the highest score first."""
    scores = [_score(features, weights) for features in example.features]
    places = sorted(range(len(scores)), key=lambda place: -scores[place])
    return [example.products[place] for place in places]


def _slope(examples: Sequence[Example], weights: Mapping[str, float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for example in examples:
        scores = [_score(features, weights) for features in example.features]
        highest = max(scores)
        shares = [exp(score - highest) for score in scores]
        total, gains = sum(shares), sum(example.gains)
        for features, share, gain in zip(example.features, shares, example.gains, strict=True):
            error = share / total - gain / gains
            for name, value in features.items():
                found[name] = found.get(name, 0.0) + error * value
    return found


def _score(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    return sum(value * weights.get(name, 0.0) for name, value in features.items())
