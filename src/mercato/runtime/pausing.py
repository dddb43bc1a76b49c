"""A pause in the loop's time, simulated or not."""

from typing import Any


async def pause(loop: Any, seconds: float) -> None:
    done = loop.create_future()
    timer = loop.call_later(seconds, lambda: done.done() or done.set_result(None))
    try:
        await done
    finally:
        timer.cancel()
