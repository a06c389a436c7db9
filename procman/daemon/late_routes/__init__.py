"""Endpoints of features that few masters are asked for. `routes` imports each module for the first client that asks.

Each has a function `handler`, which makes what answers from the parts of the master.
"""
