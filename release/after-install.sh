#!/bin/sh
# Compiles the modules, since only root could write the results later.
set -e
python3 -m compileall -q /usr/lib/procman || true
