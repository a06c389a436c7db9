"""`python -m procman` is `procman`."""

import sys

from procman.cli.start import main

sys.exit(main())
