"""`python -m mercato` is the command line."""

import sys

from mercato.apps.command_line import main

if __name__ == "__main__":
    sys.exit(main())
