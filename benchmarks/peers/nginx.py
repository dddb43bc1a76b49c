"""nginx as a peer: it serves given bytes as a static file from loopback, by one worker, with keep-alive."""

import contextlib
import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from benchmarks import processes

PATHS = ("nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx")
START_SECONDS = 10.0
ATTEMPTS = 5

# Set for speed as far as honest serving goes: the open file is remembered, and `sending` is the faster of two ways.
CONFIGURATION = """\
daemon off;
{user}
worker_processes 1;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 16384; }}
http {{
    access_log {access_log};
    types {{ }}
    default_type {content_type};
    {sending}
    tcp_nodelay on;
    keepalive_timeout 3600s;
    keepalive_requests 1000000000;
    open_file_cache max=16 inactive=3600s;
    open_file_cache_valid 3600s;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    server {{
        listen 127.0.0.1:{port};
        root content;
    }}
}}
"""


# A small body is read and goes out in one write together with its head; a large one is better never copied. The two
# ways are about level at 20 KB; at 1 KB the first is 1.3 times as fast, at 100 KB the second twice.
WRITE_TOGETHER = "sendfile off;"
SEND_FILE = "sendfile on; tcp_nopush on;"
LARGE = 32_768


class PeerError(Exception):
    """The peer cannot be started; the message says why."""


class Nginx(msgspec.Struct, frozen=True):
    """A running nginx. `path` is where it serves the bytes; `pid` is its master's."""

    port: int
    path: str
    pid: int
    folder: Path

    def cpu_seconds(self) -> float:
        """The processor time that the master and its worker have used since their start."""
        return sum(map(processes.cpu_seconds, processes.family(self.pid)))

    def access_log_lines(self) -> int:
        """How many requests the access log tells of; 0 where there is none."""
        log = self.folder / "access.log"
        return log.read_bytes().count(b"\n") if log.exists() else 0


def find() -> str | None:
    """Where nginx is, if it is installed."""
    return next(filter(None, map(shutil.which, PATHS)), None)


@contextlib.contextmanager
def nginx(content: bytes, content_type: str = "application/json", access_log: bool = False) -> Iterator[Nginx]:
    """Serve `content` at `path` until the block ends. Raises PeerError where nginx is missing or does not start.

    With `access_log` it writes one line a request, unbuffered, in its usual form.
    """
    program = find()
    if program is None:
        raise PeerError("nginx is not installed here.")
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder = Path(name)
        (folder / "content").mkdir()
        (folder / "content" / "static").write_bytes(content)
        settings = {
            "user": _user(),
            "access_log": "access.log" if access_log else "off",
            "content_type": content_type,
            "sending": SEND_FILE if len(content) >= LARGE else WRITE_TOGETHER,
        }
        process, port = _start(program, folder, settings)
        try:
            yield Nginx(port=port, path="/static", pid=process.pid, folder=folder)
        finally:
            processes.end(process)


def _start(program: str, folder: Path, settings: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """Another program may take the port between its choice and its use, so there are a few attempts."""
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    for _ in range(ATTEMPTS):
        port = processes.free_port()
        (folder / "nginx.conf").write_text(CONFIGURATION.format(port=port, **settings))
        with (folder / "out").open("wb") as out:
            process = processes.start(command, folder, out)
        answers = False
        try:
            answers = _answers(process, port)
        finally:
            if not answers:
                processes.end(process)
        if answers:
            return process, port
    told = (folder / "error.log").read_text(errors="replace").strip()
    raise PeerError(f"nginx did not start:\n{told}")


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return process.poll() is None
        time.sleep(0.01)
    return False


def _user() -> str:
    """A worker of root would become `nobody`, who cannot read the folder; others keep their user anyway."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(os.getegid()).gr_name};"
