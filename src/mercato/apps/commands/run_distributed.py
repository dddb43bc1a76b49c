"""`mercato run --distributed`: from the first process to the last."""

import asyncio
import signal

import msgspec

from mercato.apps.commands.task_list import TASKS
from mercato.apps.control import ControlServer
from mercato.apps.demo import DemoAccounts, open_demo
from mercato.apps.owner import Ownership
from mercato.apps.shop import Shop, make_parts, run_in_loop
from mercato.apps.supervisor.plan import Planned, peers_of, plan, read_counts
from mercato.apps.supervisor.supervisor import Supervisor
from mercato.runtime.settings import Settings, SettingsError


def run_distributed(settings: Settings, processes: str, *, demo: bool) -> int:
    """Run every service as a process of its own, until a signal; the exit code."""
    if not settings.on_servers:
        raise SettingsError(
            "services that run apart need a database on a server: set MERCATO_DATABASE to "
            "postgresql://USER:PASSWORD@HOST:PORT/NAME or mysql://USER:PASSWORD@HOST:PORT/NAME"
        )
    planned = plan(settings, read_counts(processes))
    with Ownership(settings.data):
        return run_in_loop(_run(settings, planned, demo=demo))


async def _run(settings: Settings, planned: list[Planned], *, demo: bool) -> int:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    among = msgspec.structs.replace(settings, peers=peers_of(planned), log="stderr", access_log="off")
    shop = Shop(among, make_parts(among, loop), runs=frozenset())
    control, opening = ControlServer(shop, TASKS), asyncio.Event()
    shop.start()
    supervisor = Supervisor(settings, planned, lambda text: print(text, flush=True))
    announcing = loop.create_task(_announce(shop, opening, supervisor, demo=demo))
    await control.start()
    try:
        await supervisor.run(stop, opening.set)
    finally:
        announcing.cancel()
        await control.stop()
        await shop.stop()
    print("The shop is closed; its databases are on their servers, the rest is in", settings.data)
    return 0


async def _announce(shop: Shop, opening: asyncio.Event, supervisor: Supervisor, *, demo: bool) -> None:
    """Say where everything is, once every process takes orders."""
    await opening.wait()
    accounts: DemoAccounts | None = await open_demo(shop) if demo else None
    url, data = shop.settings.url, shop.settings.data
    print(f"The shop is open, in {len(supervisor.pids)} processes. Stop it with Ctrl-C.\n")
    print(f"  storefront  {url}/")
    print(f"  API         {url}/v1")
    print(f"  logs        {data / 'mercato.log'}")
    if accounts is not None:
        print(f"  shopper     {accounts.email}  password {accounts.password}")
        print(f"  API key     {accounts.api_key}  (the owner's, for Authorization: Bearer)")
    print(flush=True)
