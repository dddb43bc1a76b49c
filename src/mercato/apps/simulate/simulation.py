"""The story of one simulation: people come, things go wrong, it becomes calm, and everything is compared."""

import asyncio

from mercato.apps.simulate.crowd import people_of
from mercato.apps.simulate.finale import Finale
from mercato.apps.simulate.troubles import Troubles
from mercato.apps.simulate.world import Outcome, World


def simulate(world: World) -> Outcome:
    """Live through a world's whole story."""
    return world.run(_story(world))


async def _story(world: World) -> None:
    people = [world.spawn(person.run()) for person in people_of(world)]
    world.spawn(Troubles(world).run())
    await asyncio.sleep(world.weather.until)
    world.calm_down()
    await Finale(world, people).run()
