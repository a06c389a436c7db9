"""`python -m procman` is `procman`."""

import sys

from procman.cli.start_procman import main

sys.exit(main())
