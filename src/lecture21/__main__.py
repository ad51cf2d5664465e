"""`python -m lecture21` is the `lecture21` command."""

import os
import sys

if __name__ == "__main__":
    # Python looks for modules in the working directory first, where a student may have a typer.py.
    if sys.path[0] == os.getcwd():
        del sys.path[0]
    from lecture21.cli import main

    sys.exit(main())
