"""Fixtures: a shop that is open."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.frontends.storefront.shops import TestShop, running_shop


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[TestShop]:
    """A shop with a store where shoppers sign in before they buy."""
    async with running_shop(tmp_path) as opened:
        await opened.open_store()
        yield opened
