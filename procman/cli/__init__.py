"""The two commands: `procman`, the master, and `procmanctl`, which talks to it."""
