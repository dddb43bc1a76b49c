"""The walk of docs/guides/new-service.md, done as it stands: files written, service used, killed, found whole."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
GUIDE = PROJECT / "docs" / "guides" / "new-service.md"

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_NAME = re.compile(r"^(?:#|--) (src/\S+)\n")

# Uses the new service in a shop of its own, and ends by a kill that nothing can catch.
USE = """
import asyncio, os, signal, sys
from pathlib import Path
from mercato.apps.shop import Shop, make_parts, run_in_loop
from mercato.contracts.orders import OrderPaid
from mercato.contracts.stamps import CardFull, GetCard, GrantStamps
from mercato.runtime.service import Handle
from mercato.runtime.settings import Settings
from mercato.values.ids import BuyerId, OrderId
from mercato.values.messages import BUYER, STAFF, Caller, Command, System
from mercato.values.money import Money

BUYER_ID = BuyerId("usr_" + "1" * 32)


class PretendPaid(Command[None], frozen=True):
    allow = System


def pretend_paid(tx, _command, _caller):
    order_id = OrderId(tx.new_id("ord"))
    tx.emit(OrderPaid(order_id, BUYER_ID, Money(100, "EUR")), order_id, 1)


async def main():
    settings = Settings(data=Path(sys.argv[1]), access_log="off")
    shop = Shop(settings, make_parts(settings, asyncio.get_running_loop()))
    orders = shop.node.executors["orders"]
    orders.add_handle(Handle(PretendPaid, pretend_paid))
    shop.start()
    buyer, staff = Caller("sto_a", BUYER_ID, BUYER), Caller("sto_a", "", STAFF)
    calls = shop.node.calls
    if sys.argv[2] == "use":
        card = await calls.do(GrantStamps(BUYER_ID, 3), staff)
        assert card.stamps == 3, card
        try:
            await calls.do(GrantStamps(BUYER_ID, 98), staff)
        except CardFull as refusal:
            assert refusal.facts == {"stamps": 3}
        else:
            raise AssertionError("a full card took more stamps")
        await orders.submit(PretendPaid(), Caller.system("sto_a", "test"))
        os.kill(os.getpid(), signal.SIGKILL)
    while (card := await calls.ask(GetCard(), buyer)).stamps != 4:
        await asyncio.sleep(0.01)
    assert card.version == 2, card
    paths = [route.path for route in shop.routes if route.path == "/v1/stamps"]
    await shop.stop()
    print("found", card.stamps, "stamps and", len(paths), "routes")


run_in_loop(main())
"""


def _write_service(root: Path) -> list[str]:
    """Write every file that the guide shows, and its one line; the names of the files."""
    written = []
    for language, text in _BLOCK.findall(GUIDE.read_text("utf-8")):
        named = _NAME.match(text)
        if named:
            path = root / named[1]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text[named.end() :], "utf-8")
            written.append(named[1])
        elif language == "diff":
            _add_line(root / "src/mercato/apps/services.py", text)
    return written


def _add_line(path: Path, diff: str) -> None:
    imported, listed = (line[1:] for line in diff.splitlines() if line.startswith("+"))
    text = path.read_text("utf-8")
    assert text.count("\nMakeService = ") == 1
    assert text.count("    notifications,\n)") == 1
    text = text.replace("\nMakeService = ", f"{imported}\n\nMakeService = ", 1)
    path.write_text(text.replace("    notifications,\n)", f"    notifications,\n{listed}\n)", 1), "utf-8")


def _run(root: Path, data: Path, what: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program, with arguments of our own
        [sys.executable, "-c", USE, str(data), what],
        env={"PYTHONPATH": str(root / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_walk_makes_a_service_that_survives_a_kill(tmp_path: Path) -> None:
    shutil.copytree(PROJECT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    assert len(_write_service(tmp_path)) == 10
    killed = _run(tmp_path, tmp_path / "data", "use")
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    found = _run(tmp_path, tmp_path / "data", "look")
    assert found.stdout.strip() == "found 4 stamps and 2 routes", found.stderr
