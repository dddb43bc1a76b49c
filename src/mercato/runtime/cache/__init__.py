"""What processes share to be faster, and never the only home of anything: flushed at any moment, nothing is wrong.

The port (engine.py), two engines (local.py, redis.py) and which of them there is (opening.py). Sealed records in a
cache are shelf.py; rate limits that processes share are shared_limits.py.
"""
