"""`python -m mercato` is the command line."""

import gc
import sys

# What is loaded stays until the end: looking through it for garbage again and again is a tenth of the time to load it.
gc.disable()

from mercato.apps.command_line import main  # noqa: E402 - see above

if __name__ == "__main__":
    gc.freeze()
    gc.enable()
    sys.exit(main())
