from tests.architecture.conftest import House
from tools.check import formatting


def test_a_file_of_another_form_is_found(house: House) -> None:
    house.write("src/mercato/crooked.py", "x = {  'a':1 }\n")
    [finding] = formatting.check(house.root)
    assert finding.path == "src/mercato/crooked.py"


def test_formatted_files_pass(house: House) -> None:
    house.write("src/mercato/straight.py", 'x = {"a": 1}\n')
    assert formatting.check(house.root) == []


def test_a_formatter_that_cannot_run_is_found(house: House) -> None:
    house.write("pyproject.toml", "[tool.ruff]\nno-such-setting = 1\n")
    [finding] = formatting.check(house.root)
    assert finding.what.startswith("ruff format ended with code 2")
