"""Why an engine is not there."""


class Unavailable(Exception):
    """An engine cannot be had here; the text says why, in one line, for the person who asked for it."""
