#!/bin/bash
# Sets things up, as start scripts do, and runs the service. bash does not pass signals on.
echo "start.sh prepares"
/usr/local/bin/dockerapp1.py
echo "start.sh goes on with status $?"
