"""A request that is served step by step, by hand. A task would do the same for a higher price.

So a hot endpoint is in no task: it cannot use `asyncio.timeout`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from mercato.runtime.http.exchange import Reply

# What is done with the reply; None: there will be none.
Served = Callable[[Reply | None], None]


class Steps:
    """`serving` is driven until it has its reply."""

    __slots__ = ("_awaited", "_loop", "_served", "_serving")

    def __init__(self, loop: Any, serving: Coroutine[Any, None, Reply], served: Served) -> None:
        self._loop = loop
        self._serving = serving
        self._served = served
        self._awaited: asyncio.Future[Any] | None = None

    def cancel(self) -> None:
        """Nobody waits for the reply any more: what it has sent is begun in full or not at all."""
        if self._awaited is not None:
            self._awaited.cancel()

    def step(self, _awaited: Any = None) -> None:
        """Go on until it waits for a future or has its reply."""
        self._awaited = None
        try:
            awaited: Any = self._serving.send(None)
        except StopIteration as done:
            self._served(done.value)
        except asyncio.CancelledError:
            self._served(None)
        except BaseException:
            self._served(None)
            raise
        else:
            if awaited is None:  # it only lets others go first
                self._loop.call_soon(self.step)
            else:
                self._awaited = awaited
                awaited.add_done_callback(self.step)
