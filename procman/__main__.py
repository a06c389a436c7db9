"""`python -m procman` is `procman`."""

import sys

from procman.cli.procman import main

sys.exit(main())
