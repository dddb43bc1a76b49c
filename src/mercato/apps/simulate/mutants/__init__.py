"""Planted bugs: each a small change of the real code, which the simulator must find. They tell what it can see."""
