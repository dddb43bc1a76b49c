"""`mercato bench NAME`: every benchmark of the project, in one table."""

import argparse
import signal
import sys
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from types import FrameType

import msgspec

from benchmarks import (
    buy,
    cart,
    crash,
    distributed,
    flash,
    growth,
    import_catalogue,
    machine,
    mixed,
    overload,
    product,
    rolling,
    start,
)
from benchmarks.load.program import LoadError
from benchmarks.outcome import BenchmarkError, Outcome
from benchmarks.peers.nginx import PeerError
from benchmarks.search import large, relevance, typos


class Benchmark(msgspec.Struct, frozen=True):
    """`text` is its line in the list; `add_options` gives it options of its own."""

    name: str
    text: str
    add_options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Outcome]


BENCHMARKS = (
    Benchmark("buy", "whole purchases a second, from the cart to the payment", buy.add_options, buy.run),
    Benchmark("mixed", "purchases beside browsing: nine of ten requests look around", mixed.add_options, mixed.run),
    Benchmark("product", "one product by REST against nginx with the same bytes", product.add_options, product.run),
    Benchmark("cart", "additions to carts a second", cart.add_options, cart.run),
    Benchmark(
        "import",
        "a catalogue's file into a running shop: products a second and memory",
        import_catalogue.add_options,
        import_catalogue.run,
    ),
    Benchmark("growth", "purchases in a shop with ever more products and old orders", growth.add_options, growth.run),
    Benchmark("start", "time from the command to the first page, and memory", start.add_options, start.run),
    Benchmark(
        "flash", "everybody wants the last pieces at once, and others buy meanwhile", flash.add_options, flash.run
    ),
    Benchmark("overload", "ten times as many shoppers as can be served, and after", overload.add_options, overload.run),
    Benchmark(
        "crash", "what kill -9 under load loses (nothing), and how soon it is back", crash.add_options, crash.run
    ),
    Benchmark(
        "distributed",
        "services apart on real servers: what the failure of each of them loses (nothing)",
        distributed.add_options,
        distributed.run,
    ),
    Benchmark(
        "rolling",
        "every process started again and tables changed, under load: no request fails",
        rolling.add_options,
        rolling.run,
    ),
    Benchmark("search", "searches of a large catalogue: time, memory, index", large.add_options, large.run),
    Benchmark("relevance", "how good what a search finds is, by judged searches", relevance.add_options, relevance.run),
    Benchmark("typos", "whether mistyped words find their products", typos.add_options, typos.run),
)


def main(arguments: list[str]) -> int:
    """Run a benchmark. Exit code 1: it could not be run, or what it measures has failed."""
    options = _parser().parse_args(arguments)
    chosen: Benchmark = options.benchmark
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcome = chosen.run(options)
    except (BenchmarkError, LoadError, PeerError, OSError, HTTPException) as error:
        print(f"mercato bench {chosen.name}: {error or type(error).__name__}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"mercato bench {chosen.name}: stopped, with all that it had started", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    for fault in outcome.faults:
        print(f"FAULT: {fault}")
    result = machine.result(chosen.name, outcome.figures)
    print(f"\nmeasured on {result.machine.cpu}, {result.machine.cores} cores, {result.machine.python}")
    if options.keep:
        print(f"kept in {machine.write(result)}")
    if options.json:
        print(msgspec.json.encode(result).decode(), flush=True)
    return 1 if outcome.faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mercato bench", description="Measure Mercato. Each benchmark has --help.")
    names = parser.add_subparsers(required=True, metavar="NAME")
    for benchmark in BENCHMARKS:
        text = benchmark.text
        own = names.add_parser(benchmark.name, help=text, description=text[0].upper() + text[1:] + ".")
        own.add_argument("--json", action="store_true", help="print the result as JSON in the last line")
        own.add_argument("--keep", action="store_true", help="keep the result in benchmarks/results")
        own.add_argument("--folder", type=Path, metavar="DIR", help="where data folders are made (the system's choice)")
        benchmark.add_options(own)
        own.set_defaults(benchmark=benchmark)
    return parser


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """A polite end is the same as Ctrl-C: everything that was started ends too."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
