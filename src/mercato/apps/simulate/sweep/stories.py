"""The stories of the sweep: together they come to every point that a simulation can reach, each in a few seconds.

None of them has crashes of its own. A point is swept in the first story that comes to it.
"""

import msgspec
from msgspec.structs import replace

from mercato.apps.simulate.weather import Weather
from mercato.values.clock import DAY, HOUR


class Story(msgspec.Struct, frozen=True):
    """A seed, the weather that is not drawn, and the second at which the process is asked to stop; 0: never."""

    seed: int
    weather: Weather
    stops_at: float = 0.0


_CALM = Weather(
    shoppers=8, arrivals=3.0, until=9.0, haste=0.5, impatience=0.0, staff_pause=0.5, rate_limits=0.0, gateway_step=0.2
)
_BAD_PARTIES = replace(_CALM, gateway_lost=0.2, gateway_error=0.2, gateway_stall=0.1, notices=0.3, mail_error=0.3)
_BAD_DISK = replace(
    _BAD_PARTIES, full_every=2.0, unknown_commit=0.02, slow_commit=1.0, statement_fault=0.001, listener_fault=0.05
)
_DEAD_PARTIES = replace(
    _CALM, gateway_error=0.9, mail_error=0.9, full_every=3.0, clock_every=3.0, clock_jumps=(DAY + HOUR,)
)
_DEAF_PARTIES = replace(
    _CALM, shoppers=20, gateway_lost=0.5, gateway_step=0.4, notices=0.2, mail_error=0.3, full_every=2.0
)
_IN_DOUBT = replace(_BAD_PARTIES, shoppers=20, gateway_lost=0.4, gateway_error=0.4, full_every=1.0, unknown_commit=0.2)
_SLOW_PARTIES = replace(_CALM, shoppers=16, gateway_stall=0.9, gateway_decline=0.0, slow_commit=1.0)

STORIES = (
    Story(0, _CALM),
    Story(1, _BAD_PARTIES),
    Story(2, _BAD_DISK),
    Story(3, _DEAD_PARTIES),
    Story(4, _SLOW_PARTIES, stops_at=5.0),
    Story(5, _DEAF_PARTIES),
    Story(10, _IN_DOUBT),
    Story(11, _IN_DOUBT),
)
