import pytest

from tests.architecture.conftest import House
from tools.check import linting

VIOLATIONS = {
    "DTZ005": "import datetime\n\nnow = datetime.datetime.now()\n",
    "T201": 'print("left behind")\n',
    "S602": 'import subprocess\n\nsubprocess.run("ls | wc", shell=True, check=True)\n',
    "PLR0913": "def f(a: int, b: int, c: int, d: int, e: int, g: int, h: int) -> None: ...\n",
    "RUF100": "x = 1  # noqa: S101\n",
}


@pytest.mark.parametrize("rule", VIOLATIONS)
def test_a_broken_rule_is_found(house: House, rule: str) -> None:
    house.write("src/mercato/runtime/planted.py", VIOLATIONS[rule])
    assert any(f"rule {rule} " in finding.why for finding in linting.check(house.root))


def test_tests_may_assert_and_compare_with_plain_values(house: House) -> None:
    house.write("tests/test_sum.py", "def test_sum() -> None:\n    assert 40 + 2 == 42\n")
    assert linting.check(house.root) == []
