"""Starts the processes, starts again what ends, gathers their logs, and ends them all."""

import asyncio
import contextlib
import os
import signal
import sys
import urllib.request
from collections.abc import Callable

from mercato.apps.supervisor.plan import HOST, Planned, peers_of
from mercato.runtime.log_files import LogFile
from mercato.runtime.settings import Settings

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # seconds before a process is started again
LONG = 60.0  # seconds after which a process counts as one that runs
UNTIL_READY = 120.0
UNTIL_ENDED = 20.0
LOOK = 0.1

Tell = Callable[[str], None]


class Supervisor:
    """Runs `planned` with the data folder of `settings`; what it has to say goes to `tell`."""

    def __init__(self, settings: Settings, planned: list[Planned], tell: Tell) -> None:
        self._data = settings.data
        self._planned = planned
        self._tell = tell
        self._stopping = False
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._log = LogFile(settings.data / "mercato.log", settings.log_megabytes * 1_000_000, settings.log_files)
        self._environment = {
            **os.environ,
            "MERCATO_PEERS": peers_of(planned),
            "MERCATO_KEYS": str(settings.keys_file.absolute()),
            "MERCATO_LOG": "stderr",
            "MERCATO_PUBLIC_URL": settings.url,
            "MERCATO_MEDIA": settings.media or f"folder:{(settings.data / 'media').absolute()}",
            "MERCATO_DRAIN": os.environ.get("MERCATO_DRAIN", "0"),
        }

    @property
    def pids(self) -> dict[str, int]:
        """The processes that run, by name."""
        return {name: process.pid for name, process in self._running.items() if process.returncode is None}

    async def run(self, stop: asyncio.Event, opened: Callable[[], None]) -> None:
        """Until `stop` is set. `opened` is called when every process takes orders."""
        watching = [asyncio.create_task(self._watch(process)) for process in self._planned]
        try:
            ready = asyncio.create_task(self._until_ready())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
            if ready.done() and not stop.is_set():
                opened()
            await stopped
            ready.cancel()
        finally:
            self._stopping = True
            await self._end()
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            self._log.close()

    async def _watch(self, planned: Planned) -> None:
        """Keep one process running."""
        tries = 0
        while not self._stopping:
            begun = asyncio.get_running_loop().time()
            process = await self._start(planned)
            self._running[planned.name] = process
            assert process.stderr is not None, "it is read from here"
            async for line in process.stderr:
                self._note(planned.name, line)
            code = await process.wait()
            if self._stopping:
                return
            tries = 1 if asyncio.get_running_loop().time() - begun > LONG else tries + 1
            pause = PAUSES[min(tries, len(PAUSES)) - 1]
            self._tell(f"{planned.name} has ended ({_outcome(code)}); it is started again in {pause:g} s")
            await asyncio.sleep(pause)

    async def _start(self, planned: Planned) -> asyncio.subprocess.Process:
        planned.folder(self._data).mkdir(parents=True, exist_ok=True)
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "mercato",
            *planned.words(self._data),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C is for the supervisor, who ends them in order
            limit=1 << 20,
        )

    def _note(self, name: str, line: bytes) -> None:
        """A line of a process's log: with its name. What is no line of a log is also told."""
        text = line.decode(errors="replace").rstrip("\n")
        if text.startswith("{"):
            self._log.write(f'{{"process":"{name}",{text[1:]}\n')
        else:
            self._log.write(f"{name}: {text}\n")
            if text.startswith("mercato: "):
                self._tell(f"{name}: {text.removeprefix('mercato: ')}")
        self._log.flush()

    async def _until_ready(self) -> None:
        for planned in self._planned:
            while not await asyncio.to_thread(_is_ready, planned.port):  # noqa: ASYNC110 - another process
                await asyncio.sleep(LOOK)

    async def _end(self) -> None:
        """Those first that nobody depends on."""
        for planned in reversed(self._planned):
            process = self._running.get(planned.name)
            if process is None or process.returncode is not None:
                continue
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        ending = [process.wait() for process in self._running.values()]
        try:
            await asyncio.wait_for(asyncio.gather(*ending), UNTIL_ENDED)
        except TimeoutError:
            for name, process in self._running.items():
                if process.returncode is None:
                    self._tell(f"{name} does not end by itself: it is killed; nothing that was acknowledged is lost")
                    process.kill()


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/readyz", timeout=2) as reply:
            return bool(reply.status == 200)  # noqa: PLR2004 - HTTP's OK
    except OSError:
        return False


def _outcome(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
