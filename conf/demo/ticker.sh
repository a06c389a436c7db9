#!/bin/sh
# The default program of the image: prints a line every second, and a goodbye on SIGTERM.
trap 'echo "ticker says goodbye"; exit 0' TERM
count=1
while echo "tick $count"; do
  sleep 1
  count=$((count + 1))
done
