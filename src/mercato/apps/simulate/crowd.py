"""Who lives in a simulation: shoppers and newcomers as the weather says, and one clerk for each store."""

import asyncio
from typing import Protocol

from mercato.apps.directory import GuestPass
from mercato.apps.simulate.history import Who
from mercato.apps.simulate.people.clerk import Clerk
from mercato.apps.simulate.people.client import Client
from mercato.apps.simulate.people.newcomer import Newcomer
from mercato.apps.simulate.people.shopper import Shopper
from mercato.apps.simulate.town import Person, Store
from mercato.apps.simulate.world import World
from mercato.runtime.access.keyring import Keyring
from mercato.runtime.access.sealed import seal
from mercato.values.clock import DAY
from mercato.values.ids import Ids

GUESTS = 0.3  # of the shoppers where guests may buy
FIRST_STORE = 0.7  # of the shoppers
NEWCOMERS = 2  # at most


class Somebody(Protocol):
    async def run(self) -> None: ...


class Later:
    """Somebody who comes after so many seconds."""

    def __init__(self, somebody: Somebody, seconds: float) -> None:
        self._somebody = somebody
        self._seconds = seconds

    async def run(self) -> None:
        await asyncio.sleep(self._seconds)
        await self._somebody.run()


def people_of(world: World) -> list[Somebody]:
    chance, weather = world.chance("crowd"), world.weather
    keyring = Keyring.open(world.folder / "keys.json", Ids(world.clock, chance))
    waiting = {store.id: list(store.people[:-2]) for store in world.town.stores}  # the last two come last
    people: list[Somebody] = []
    for number in range(weather.shoppers):
        store = world.town.stores[0 if chance.random() < FIRST_STORE else 1]
        if (store.guests and chance.random() < GUESTS) or not waiting[store.id]:
            store = world.town.stores[0]
            client = _guest(world, store, keyring, number)
        else:
            client = _user(world, store, waiting[store.id].pop(chance.randrange(len(waiting[store.id]))))
        people.append(Later(Shopper(client, world.gateway), chance.uniform(0.0, weather.arrivals)))
    for store in world.town.stores:
        people.append(Clerk(_client(world, Who(f"clerk {store.mark}", store, "", "", is_staff=True), store.api_key)))
    for number in range(chance.randint(0, NEWCOMERS)):
        store = chance.choice(world.town.stores)
        who = Who(f"newcomer {number}", store, "", f"person-n{number}-x")
        people.append(Later(Newcomer(_client(world, who, ""), world.mail, number), chance.uniform(0.0, 5.0)))
    return people


def _user(world: World, store: Store, person: Person) -> Client:
    return _client(world, Who(person.mark, store, person.id, person.mark), person.token)


def _guest(world: World, store: Store, keyring: Keyring, number: int) -> Client:
    guest_id, mark = f"gst_{number:032x}", f"person-g{number}-x"
    token = seal(keyring, "guest", GuestPass(store.id, guest_id, world.clock.now() + 30 * DAY))
    return _client(world, Who(mark, store, guest_id, mark), token)


def _client(world: World, who: Who, token: str) -> Client:
    return Client(world.around, who, token, world.chance(who.name))
