"""`python -m lecture21` is the `lecture21` command."""

import sys

from lecture21.cli import main

sys.exit(main())
