import pytest

from tests.architecture.conftest import House
from tools.check import determinism
from tools.check.permissions import Permission

BANNED = [
    ("import time", "time.time()", "time.time"),
    ("import time as t", "t.time_ns()", "time.time_ns"),
    ("from time import time", "time()", "time.time"),
    ("import time", "dict(clock=time.perf_counter)", "time.perf_counter"),
    ("import time", "time.sleep(1)", "time.sleep"),
    ("import datetime", "datetime.datetime.now(datetime.UTC)", "datetime.datetime.now"),
    ("from datetime import datetime", "datetime.utcnow()", "datetime.datetime.utcnow"),
    ("import datetime as dt", "dt.date.today()", "datetime.date.today"),
    ("from uuid import uuid4 as make", "make()", "uuid.uuid4"),
    ("import uuid", "uuid.uuid1()", "uuid.uuid1"),
    ("import random", "random.Random().choice([1])", "random.Random"),
    ("from random import choice", "choice([1])", "random.choice"),
    ("import random", "dict(randomness=random)", "random"),
    ("import secrets", "secrets.token_hex()", "secrets.token_hex"),
    ("import os.path", "os.urandom(8)", "os.urandom"),
    ("import asyncio", "asyncio.sleep(1)", "asyncio.sleep"),
]


@pytest.mark.parametrize(("line", "use", "name"), BANNED)
def test_a_hidden_clock_coin_or_pause_is_found(house: House, line: str, use: str, name: str) -> None:
    house.write("src/mercato/services/orders/commands.py", f"{line}\n\nx = {use}\n")
    [finding] = determinism.check(house.root, ())
    assert (finding.path, finding.line, finding.what) == ("src/mercato/services/orders/commands.py", 3, f"`{name}`")


@pytest.mark.parametrize(
    "place", ["services/orders/work.py", "contracts/orders.py", "runtime/calls.py", "values/money.py"]
)
def test_all_rooms_that_are_simulated_are_looked_at(house: House, place: str) -> None:
    house.write(f"src/mercato/{place}", "import time\n\nx = time.time()\n")
    assert [finding.path for finding in determinism.check(house.root, ())] == [f"src/mercato/{place}"]


def test_what_is_handed_in_passes(house: House) -> None:
    lines = ["import asyncio", "from datetime import datetime", "x = tx.now, tx.new_id('ord'), clock.time()"]
    house.write(
        "src/mercato/services/orders/commands.py", "\n".join([*lines, "y = datetime.fromisoformat('2025-01-01')"])
    )
    assert determinism.check(house.root, ()) == []


def test_permitted_places_pass(house: House) -> None:
    house.write("src/mercato/values/clock.py", "import time\n\nx = time.time_ns()\n")
    house.write("src/mercato/services/payments/adapters/stripe.py", "import asyncio\n\nx = asyncio.sleep(1)\n")
    permitted = (
        Permission("src/mercato/values/clock.py", ("time.time_ns",), "a reason"),
        Permission("src/mercato/services/*/adapters/", ("*",), "a reason"),
    )
    assert determinism.check(house.root, permitted) == []


def test_a_permission_is_for_its_place_and_name_alone(house: House) -> None:
    house.write("src/mercato/values/clock.py", "import time\n\nx = time.time_ns(), time.sleep(1)\n")
    house.write("src/mercato/values/ids.py", "import time\n\nx = time.time_ns()\n")
    permitted = (Permission("src/mercato/values/clock.py", ("time.time_ns",), "a reason"),)
    found = [(finding.path, finding.what) for finding in determinism.check(house.root, permitted)]
    assert found == [("src/mercato/values/clock.py", "`time.sleep`"), ("src/mercato/values/ids.py", "`time.time_ns`")]
