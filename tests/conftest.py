"""What holds for all tests."""

from hypothesis import settings

pytest_plugins = ["tests.engines"]

# A test must not fail because a machine is slow: benchmarks measure time, tests do not.
settings.register_profile("mercato", deadline=None)
settings.load_profile("mercato")
