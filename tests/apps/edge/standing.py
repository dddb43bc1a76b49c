"""Real proxies in front of small backends: how they are started, asked, put under load and stopped."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import cache
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import aiohttp

from mercato.apps.edge.layout import Layout, split_address
from mercato.apps.edge.listing import project_ways
from mercato.apps.edge.programs import configuration
from mercato.apps.edge.table import Way

PROJECT = Path(__file__).parents[3]
CALLERS = 8  # of each method, under load
PATIENCE = 20.0  # seconds for a program to answer
GROUPS = {"storefront": ("front-1", "front-2"), "orders": ("orders-1",)}

STARTS = {
    "nginx": ("nginx", "-e", "error.log", "-p", ".", "-c", "nginx.conf"),
    "haproxy": ("haproxy", "-W", "-db", "-f", "haproxy.cfg"),
    "traefik": ("traefik", "--configfile=traefik.yml"),
}
AROUND_NGINX = """\
daemon off; worker_processes 1; pid nginx.pid; error_log error.log;{user}
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    include mercato.conf;
}}
"""


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Edge(NamedTuple):
    """`processes` are the backends by name, `ports` where they listen; the proxy has its configuration in `folder`."""

    program: str
    layout: Layout
    folder: Path
    proxy: "subprocess.Popen[bytes]"
    processes: dict[str, "subprocess.Popen[bytes]"]
    ports: dict[str, int]

    @property
    def port(self) -> int:
        return split_address(self.layout.listen)[1]

    @property
    def url(self) -> str:
        return f"http://{self.layout.listen}"

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """An answer on a connection of its own; the path is sent as it stands."""
        return ask(self.port, method, path, headers or {}, body)

    def reload(self) -> None:
        """Let it read its configuration again."""
        if self.program == "traefik":
            path = self.folder / "mercato.yml"
            text = path.read_text("utf-8")
            changed = text.replace('"20ms"', '"21ms"') if '"20ms"' in text else text.replace('"21ms"', '"20ms"')
            path.write_text(changed, "utf-8")
        else:
            self.proxy.send_signal(signal.SIGHUP if self.program == "nginx" else signal.SIGUSR2)


def ask(port: int, method: str, path: str, headers: dict[str, str], body: bytes = b"", source: str = "") -> Answer:
    connection = HTTPConnection("127.0.0.1", port, PATIENCE, (source, 0) if source else None)
    try:
        connection.request(method, path, body or None, headers)
        reply = connection.getresponse()
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()


@cache
def ways() -> tuple[Way, ...]:
    return project_ways()


@contextmanager
def standing(
    program: str, folder: Path, generosity: float = 5.0, host: str = "", more: tuple[Way, ...] = ()
) -> Iterator[Edge]:
    """A proxy in front of two storefronts and a process of orders. `more` are routes beside those of the project."""
    with ExitStack() as started:
        names = [name for group in GROUPS.values() for name in group]
        ports = dict(zip(["proxy", *names], free_ports(1 + len(names)), strict=True))
        backends = {
            name: started.enter_context(running([sys.executable, "-m", "tests.apps.edge.backend", name, str(port)]))
            for name, port in ports.items()
            if name in names
        }
        front, orders = (tuple(f"127.0.0.1:{ports[name]}" for name in GROUPS[group]) for group in GROUPS)
        layout = Layout(front, {"orders": orders}, f"127.0.0.1:{ports['proxy']}", host, generosity)
        for name in names:
            until_answered(ports[name], "/readyz", {200})
        proxy = started.enter_context(proxying(program, folder, layout, more))
        yield Edge(program, layout, folder, proxy, backends, ports)


@contextmanager
def proxying(
    program: str, folder: Path, layout: Layout, more: tuple[Way, ...] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    """The program with the configuration that is made for this layout, once all of its backends count as well."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in configuration(program, (*ways(), *more), layout).items():
        (folder / name).write_text(text, "utf-8")
    if program == "nginx":
        user = " user root;" if os.getuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND_NGINX.format(user=user), "utf-8")
    with running([*STARTS[program]], folder) as process:
        port = int(layout.listen.rpartition(":")[2])
        until_answered(port, "/v1/store", {200}, layout.host)
        until_answered(port, "/v1/orders/", {200, 404}, layout.host)
        yield process


@contextmanager
def running(
    command: list[str], folder: Path = PROJECT, environment: dict[str, str] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process of our own that is ended at the end."""
    program = shutil.which(command[0])
    assert program is not None
    log = (folder / "output.log").open("ab") if folder != PROJECT else subprocess.DEVNULL
    given = {**os.environ, **(environment or {})}
    words = [program, *command[1:]]
    process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, env=given)  # noqa: S603 - our own words
    try:
        yield process
    finally:
        process.kill() if program.endswith("python") else process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if not isinstance(log, int):
            log.close()


def until_answered(port: int, path: str, statuses: set[int], host: str = "") -> None:
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            if ask(port, "GET", path, {"Host": host} if host else {}).status in statuses:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"nobody answers {path} at {port}")


def free_ports(count: int) -> list[int]:
    with ExitStack() as opened:
        listening = [opened.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(each.getsockname()[1]) for each in listening]


@asynccontextmanager
async def under_load(edge: Edge) -> AsyncIterator[Counter[str]]:
    """Callers who read and change all the time, on connections that they keep; what came of it is counted."""
    counted: Counter[str] = Counter()
    done = asyncio.Event()

    async def call(session: aiohttp.ClientSession, method: str) -> None:
        while not done.is_set():
            try:
                async with session.request(method, f"{edge.url}/v1/store/load", json={"a": 1}) as reply:
                    await reply.read()
                    counted[f"{method} {'ok' if reply.status == 200 else reply.status}"] += 1
            except aiohttp.ClientError as error:
                counted[f"{method} {type(error).__name__}"] += 1

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE)) as session:
        session._retry_connection = False  # it would hide what became of a read
        calls = [asyncio.create_task(call(session, method)) for method in ("GET", "POST") for _ in range(CALLERS)]
        await asyncio.sleep(0.5)
        yield counted
        await asyncio.sleep(0.5)
        done.set()
        await asyncio.gather(*calls)


def failed(counted: Counter[str], method: str = "") -> dict[str, int]:
    return {what: count for what, count in counted.items() if not what.endswith(" ok") and what.startswith(method)}
