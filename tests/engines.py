"""Gives tests real servers, and tells at the end of a run which of them could not be had, and why.

Nothing is started for a test that did not ask for it beforehand: `./mercato test --engines`, or
`python -m tools.engines up` and `./mercato test -m server`.
"""

from collections.abc import Callable

import pytest

from tools.engines import Engine, Unavailable, absent, find

_missed = pytest.StashKey[dict[str, str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    note = "tell at the end which of these engines could not be had, or of all (given by `./mercato test --engines`)"
    parser.addoption("--engines", default=None, metavar="NAME,NAME", help=note)


@pytest.fixture
def engine(pytestconfig: pytest.Config) -> Callable[[str], Engine]:
    """`engine("postgresql")` is that server, up and answering; the test is skipped where it cannot be had.

    What an earlier test has killed is started again. All tests share the servers, so each makes its own databases,
    topics or keys.
    """
    missed = pytestconfig.stash.setdefault(_missed, {})

    def find_or_skip(name: str) -> Engine:
        try:
            return find(name)
        except Unavailable as hindrance:
            missed[name] = str(hindrance)
            pytest.skip(f"{name}: {hindrance}")

    return find_or_skip


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """A line for each engine that was asked for, by the run or by a test, and could not be had."""
    missed = config.stash.get(_missed, None) or {}
    asked = config.getoption("--engines")
    if asked is not None:
        missed = {**missed, **{name: why for name, why in absent().items() if not asked or name in asked.split(",")}}
    if missed:
        terminalreporter.section("engines that could not be had: nothing was tested with them")
        for name, why in sorted(missed.items()):
            terminalreporter.line(f"{name}: {why}")
