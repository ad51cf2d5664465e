"""`python -m lecture21` is the `lecture21` command."""

import sys

from lecture21.cli import main

if __name__ == "__main__":
    sys.exit(main())
