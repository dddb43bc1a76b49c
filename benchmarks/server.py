"""A real shop in a process of its own: `mercato run` on a fresh data folder that was filled by messages.

Everything is as shipped (access log, mails as files, synchronous=FULL), but the rate limits are a thousand times as
wide: they count, and refuse nobody.
"""

import contextlib
import http.client
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks import processes
from benchmarks.outcome import BenchmarkError, tell
from benchmarks.processes import Memory
from benchmarks.seed import Job, Seed, Seeded

CHECKOUT = Path(__file__).parents[1]
MERCATO = (sys.executable, "-P", "-m", "mercato")
MOST_TO_SEED = 900.0  # seconds
MOST_TO_START = 60.0
MOST_TO_VERIFY = 900.0
LOOK = 0.005
ATTEMPTS = 3


class Verified(msgspec.Struct, frozen=True):
    """What `mercato verify` said: how many differences, and its lines about them."""

    differences: int
    lines: tuple[str, ...]
    seconds: float


class Server:
    """A data folder and the process that serves it, started and ended any number of times on one port."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str] | None = None, program: Sequence[str] = MERCATO
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.port = processes.free_port()
        self.environment = environment_with(environment or {})
        self._program = program
        self.options: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server was started"
        return self._process.pid

    @property
    def address(self) -> str:
        """As in a Host header."""
        return f"127.0.0.1:{self.port}"

    def start(self, *, demo: bool = False, path: str = "/") -> float:
        """Start the process; the seconds until `path` was answered. Raises BenchmarkError if it never is."""
        command = [*self._program, "run", "--data", str(self.data), "--port", str(self.port), *self.options]
        begun = time.monotonic()
        with (self.folder / "server.out").open("ab") as out:
            words = command if demo else [*command, "--empty"]
            self._process = processes.start(words, self.folder, out, self.environment)
        while self._process.poll() is None:
            if self.answers(path):
                return time.monotonic() - begun
            if time.monotonic() > begun + MOST_TO_START:
                break
            time.sleep(LOOK)
        self.kill()
        raise BenchmarkError(f"the server did not answer on {self.address}:\n{self._told()}")

    def answers(self, path: str) -> bool:
        """Whether this page is there."""
        try:
            return self.get(path)[0] == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def get(self, path: str, token: str = "") -> tuple[int, bytes]:
        """Status and body of one request. What takes long is asked again: a machine may stand still for a while."""
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(TimeoutError):
                return self._get(path, token)
        return self._get(path, token)

    def _get(self, path: str, token: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def stop(self) -> None:
        """End the process gracefully. Raises BenchmarkError where it ends with another code than 0."""
        if self._process is not None:
            process, self._process = self._process, None
            if code := processes.end(process):
                raise BenchmarkError(f"the server ended with code {code}:\n{self._told()}")

    def kill(self) -> None:
        """End the process as a power cut would, if it runs."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()

    def kill_all(self) -> None:
        """The same for all processes that it has started."""
        if self._process is not None:
            for pid in reversed(processes.family(self.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.kill()

    def command(self, *arguments: str) -> list[str]:
        """Another command of `mercato` for the same data folder."""
        return [*MERCATO, *arguments, "--data", str(self.data)]

    def run(self, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
        """Run such a command to its end."""
        try:
            return subprocess.run(
                self.command(*arguments),
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"`mercato {arguments[0]}` did not end within {seconds:.0f} s") from None

    def verify(self) -> Verified:
        """`mercato verify` on the data folder, whether the shop is open or closed."""
        begun = time.monotonic()
        done = self.run("verify", seconds=MOST_TO_VERIFY)
        lines = tuple(done.stdout.splitlines())
        if done.returncode not in (0, 1) or not lines or (done.returncode == 1) != lines[-1].endswith(" differences"):
            raise BenchmarkError(f"`mercato verify` failed:\n{done.stdout}{done.stderr}")
        return Verified(len(lines) - 1 if done.returncode else 0, lines[:-1], time.monotonic() - begun)

    def cpu_seconds(self) -> float:
        """Of the shop and its acceptor."""
        return sum(map(processes.cpu_seconds, processes.family(self.pid)))

    def memory(self) -> Memory:
        """Of the shop and its acceptor."""
        each = [processes.memory(pid) for pid in processes.family(self.pid)]
        return Memory(*(sum(getattr(one, name) for one in each) for name in Memory.__struct_fields__))

    def mails(self) -> int:
        """How many mails have been written so far."""
        with contextlib.suppress(FileNotFoundError), os.scandir(self.data / "mail") as entries:
            return sum(entry.name.endswith(".eml") for entry in entries)
        return 0

    def receipts_by_state(self) -> dict[str, int]:
        """How many deliveries of receipts are waiting, sent or given up, as the database says."""
        question = "select state, count(*) from deliveries where template = 'receipt' group by state"
        file = f"{(self.data / 'notifications.db').as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(file, uri=True)) as connection:
            return dict(connection.execute(question).fetchall())

    def counters(self, name: str) -> dict[str, float]:
        """A counter of `/metrics` by service; empty where it is not served."""
        status, body = self.get("/metrics")
        if status != http.client.OK:
            return {}
        found = {}
        for line in body.decode().splitlines():
            if line.startswith(f'{name}_total{{service="'):
                service, _, value = line.removeprefix(f'{name}_total{{service="').partition('"} ')
                found[service] = float(value)
        return found

    def log_lines(self) -> int:
        """How many requests the access log tells of."""
        log = self.data / "access.log"
        return log.read_bytes().count(b"\n") if log.exists() else 0

    def _told(self) -> str:
        out = self.folder / "server.out"
        return "\n".join(out.read_text(errors="replace").splitlines()[-20:]) if out.exists() else ""


@contextlib.contextmanager
def server(
    seed: Seed | None,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = MERCATO,
    parent: Path | None = None,
) -> Iterator[tuple[Server, Seeded]]:
    """A filled data folder below `parent` and a server for it, not yet started; the block's end removes both.

    Without a seed the folder is new and there is nothing to know of it.
    """
    with tempfile.TemporaryDirectory(prefix="mercato-bench-", dir=parent) as name:
        made = Server(Path(name), environment, program)
        seeded = _seed(made, seed) if seed is not None else Seeded("", "", (), (), ())
        try:
            yield made, seeded
            made.stop()
        finally:
            made.kill()


def _seed(made: Server, seed: Seed) -> Seeded:
    begun = time.monotonic()
    job, found = made.folder / "job.json", made.folder / "seeded.json"
    job.write_bytes(msgspec.json.encode(Job(str(made.data), str(found), seed)))
    with (made.folder / "seed.out").open("wb") as out:
        command = [sys.executable, "-m", "benchmarks.seed", str(job)]
        process = processes.start(command, CHECKOUT, out, made.environment)
    try:
        code = process.wait(MOST_TO_SEED)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"filling the data folder took more than {MOST_TO_SEED:.0f} s") from None
    finally:
        processes.end(process)
    if code:
        raise BenchmarkError(f"the data folder could not be filled:\n{(made.folder / 'seed.out').read_text()[-4_000:]}")
    tell(f"{seed.products:,} products and {seed.users:,} users in {time.monotonic() - begun:.1f} s")
    return msgspec.json.decode(found.read_bytes(), type=Seeded)


def environment_with(more: Mapping[str, str]) -> dict[str, str]:
    """Ours without its settings for a shop and for Python, so that a benchmark depends on what stands here alone.

    Where Python is told to write no bytecode, it would compile the whole shop at each start: a third of its time.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MERCATO_", "PYTHON"))}
    paths = os.pathsep.join((str(CHECKOUT / "src"), str(CHECKOUT)))
    return {**kept, "PYTHONPATH": paths, "MERCATO_RATE_LIMITS": "1000", **more}
