"""Real servers for tests, on this machine and its loopback only: `python -m tools.engines up | down | status`.

One file a server, and the table of all in `__main__`. What is up is written down in a file below one folder, by which
tests find it: `running()` gives every engine that is up, `find(name)` one of them or the reason why it is not there.
"""

from tools.engines.engine import Engine, absent, find, running
from tools.engines.reasons import Unavailable

__all__ = ["Engine", "Unavailable", "absent", "find", "running"]
