"""`mercato bench`: the benchmarks live in the source's checkout, beside the package, not in it."""

import importlib
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[4]


def command(words: list[str]) -> int:
    """Run a benchmark; `words` are its name and its options."""
    if not (CHECKOUT / "benchmarks" / "__main__.py").exists():
        raise ValueError("the benchmarks are part of the source: run `./mercato bench` in a checkout of it")
    sys.path.insert(0, str(CHECKOUT))
    return int(importlib.import_module("benchmarks.__main__").main(words))
