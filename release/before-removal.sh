#!/bin/sh
# Stops the service if the package is removed; during an upgrade everything keeps running.
# Debian's argument is "remove" then, rpm's 0.
set -e
case "$1" in
remove | 0)
    if [ -d /run/systemd/system ]; then systemctl disable --now procman.service || true; fi
    ;;
esac
# What `after-install.sh` has written.
find /usr/lib/procman -name __pycache__ -type d -prune -exec rm -rf {} +
