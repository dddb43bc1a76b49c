import pytest

from tests.architecture.conftest import House
from tools.check import outside_io


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "from smtplib import SMTP",
        "import aiohttp",
        "from urllib import request",
        'text = open("a").read()',
    ],
)
@pytest.mark.parametrize("file", ["work.py", "commands.py", "domain/prices.py"])
def test_the_outside_world_in_another_file_is_found(house: House, file: str, line: str) -> None:
    house.write(f"src/mercato/services/payments/{file}", f"import re\n{line}\n")
    [finding] = outside_io.check(house.root)
    assert (finding.path, finding.line) == (f"src/mercato/services/payments/{file}", 2)


def test_adapters_and_the_runtime_pass(house: House) -> None:
    house.write("src/mercato/services/payments/adapters/stripe.py", "import aiohttp\n")
    house.write("src/mercato/runtime/http/server.py", "import socket\n")
    assert outside_io.check(house.root) == []


def test_names_that_only_look_alike_pass(house: House) -> None:
    house.write(
        "src/mercato/services/payments/api.py", "from mercato.runtime import http\nfrom urllib.parse import quote\n"
    )
    assert outside_io.check(house.root) == []
