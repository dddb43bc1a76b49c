"""`python -m tests.apps.edge.backend NAME PORT`: a process behind a proxy, which tells what it was asked.

On SIGTERM it fails /readyz, serves on for a moment, then closes.
"""

import asyncio
import signal
import sys

from aiohttp import web

SERVES_ON = 2.0  # seconds after SIGTERM
WORK = 0.01  # seconds that an answer takes
MOST = 1 << 24


class Backend:
    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = True
        self.died = 0

    async def readiness(self, _request: web.Request) -> web.Response:
        return web.Response(status=200 if self.ready else 503)

    async def die(self, request: web.Request) -> web.Response:
        """Take the request, and go away without an answer."""
        await request.read()
        self.died += 1
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def deaths(self, _request: web.Request) -> web.Response:
        return web.json_response(self.died)

    async def echo(self, request: web.Request) -> web.Response:
        body = await request.read()
        await asyncio.sleep(WORK)
        seen = {
            "backend": self.name,
            "method": request.method,
            "path": request.raw_path,
            "headers": [[name.lower(), value] for name, value in request.headers.items()],
            "body": len(body),
        }
        return web.json_response(seen)


async def main(name: str, port: int) -> None:
    backend = Backend(name)
    application = web.Application(client_max_size=MOST)
    application.router.add_get("/readyz", backend.readiness)
    application.router.add_route("*", "/v1/store/die", backend.die)
    application.router.add_get("/deaths", backend.deaths)
    application.router.add_route("*", "/{path:.*}", backend.echo)
    runner = web.AppRunner(application, access_log=None, keepalive_timeout=75, shutdown_timeout=5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1_024).start()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    backend.ready = False
    await asyncio.sleep(SERVES_ON)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
