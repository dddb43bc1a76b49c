import pytest

from tests.architecture.conftest import House
from tools.check import sizes


def _function(name: str, lines: int) -> str:
    return f"def {name}() -> None:\n" + "    pass\n" * (lines - 1)


def test_a_function_may_have_sixty_lines_and_no_more(house: House) -> None:
    house.write("src/mercato/fits.py", _function("fits", 60))
    assert sizes.check(house.root) == []
    house.write("src/mercato/long.py", "\n" + _function("long", 61))
    assert [(f.path, f.line, f.what) for f in sizes.check(house.root)][:1] == [
        ("src/mercato/long.py", 2, "`long` has 61 lines")
    ]


def test_a_file_may_have_five_hundred_lines_and_no_more(house: House) -> None:
    house.write("tools/fits.py", "x = 1\n" * 500)
    assert sizes.check(house.root) == []
    house.write("tools/long.py", "x = 1\n" * 501)
    [finding] = sizes.check(house.root)
    assert (finding.path, finding.what) == ("tools/long.py", "a file of 501 lines")


@pytest.mark.parametrize(
    "parameters",
    ["a, b, c, d, e, f, g", "self, a, b, c, d, e, f, g", "a, /, b, *c, d, e, f, **g", "cls, a, b, c, d, e, *, f, g"],
)
def test_seven_parameters_are_found(house: House, parameters: str) -> None:
    house.write("src/mercato/wide.py", f"async def wide({parameters}): ...\n")
    [finding] = sizes.check(house.root)
    assert finding.what == "`wide` has 7 parameters"


@pytest.mark.parametrize("parameters", ["a, b, c, d, e, f", "self, a, b, c, d, e, f", "cls, a, *b, c, d, e, **f"])
def test_six_parameters_pass(house: House, parameters: str) -> None:
    house.write("src/mercato/wide.py", f"def fits({parameters}): ...\n")
    assert sizes.check(house.root) == []


def test_a_long_tail_is_found(house: House) -> None:
    house.write("src/mercato/short.py", "\n".join(_function(f"short_{number}", 35) for number in range(10)))
    house.write("src/mercato/more.py", "\n".join(_function(f"more_{number}", 2) for number in range(28)))
    house.write("src/mercato/long_1.py", _function("long_1", 36))
    house.write("src/mercato/long_2.py", _function("long_2", 40))
    assert sizes.check(house.root) == []  # 2 of 40
    house.write("src/mercato/long_3.py", _function("long_3", 50))
    [finding] = sizes.check(house.root)
    assert finding.what == "3 of 41 functions have more than 35 lines"
    assert finding.remedy.startswith(
        "shorten some of the longest: src/mercato/long_3.py:1 (50) src/mercato/long_2.py:1"
    )
