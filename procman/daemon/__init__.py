"""The master: composition, signals, sockets, upgrade, and what its log says."""
