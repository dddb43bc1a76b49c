"""`mercato edge`: the configuration of the proxy that stands in front of the processes."""

import argparse
from pathlib import Path

from mercato.apps.edge.layout import GENEROSITY, Layout
from mercato.apps.edge.listing import project_ways
from mercato.apps.edge.programs import PROGRAMS, Files, configuration


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("program", choices=tuple(PROGRAMS), help="which proxy it is for")
    parser.add_argument(
        "--storefront", required=True, metavar="HOST:PORT,...", help="the processes that serve pages and all the rest"
    )
    parser.add_argument(
        "--service",
        action="append",
        default=[],
        metavar="NAME=HOST:PORT,...",
        help="the processes of a service, for each that has its own",
    )
    parser.add_argument(
        "--listen", default="127.0.0.1:8080", metavar="HOST:PORT", help="where it listens (%(default)s)"
    )
    parser.add_argument("--host", default="", metavar="NAME", help="the only public name that is answered (any)")
    parser.add_argument(
        "--limits",
        type=float,
        default=GENEROSITY,
        metavar="FACTOR",
        help="how many times the limits of a process one address has; 0 for none (%(default)g)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write the files into this folder, not to the terminal")


def command(options: argparse.Namespace) -> int:
    """Print the files, or write them where they are wanted."""
    layout = Layout(
        _addresses(options.storefront), _services(options.service), options.listen, options.host, options.limits
    )
    files = configuration(options.program, project_ways(), layout)
    if options.out is None:
        _show(files)
    else:
        options.out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (options.out / name).write_text(text, "utf-8")
            print(f"wrote {options.out / name}")
    return 0


def _show(files: Files) -> None:
    """One file as it is; of several each under its name, which YAML takes for a comment."""
    for name, text in files.items():
        print(f"# {name}\n{text}" if len(files) > 1 else text, end="")


def _services(given: list[str]) -> dict[str, tuple[str, ...]]:
    services: dict[str, tuple[str, ...]] = {}
    for text in given:
        name, equals, addresses = text.partition("=")
        if not name or not equals:
            raise ValueError(f"--service is {text!r}: it has the form NAME=HOST:PORT,... as in orders=10.0.0.21:8000")
        if name in services:
            raise ValueError(f"--service names {name} twice: put all of its processes behind one, with commas between")
        services[name] = _addresses(addresses)
    return services


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
