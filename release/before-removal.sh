#!/bin/sh
# Removes what `after-install.sh` has written. Running programs keep running.
set -e
find /usr/lib/procman -name __pycache__ -type d -prune -exec rm -rf {} +
