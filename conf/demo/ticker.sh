#!/bin/sh
# What the image runs when nobody has put anything else into it: a line every second, and a goodbye.
trap 'echo "ticker says goodbye"; exit 0' TERM
count=1
while echo "tick $count"; do
  sleep 1
  count=$((count + 1))
done
