#!/bin/bash
# Prepares and runs the service, as start scripts do. bash does not pass signals on.
echo "start.sh prepares"
/usr/local/bin/dockerapp1.py
echo "start.sh goes on with status $?"
