"""Configurations of other engines, read into procman's TOML, with a report of what became of each key.

Pure: texts in, a text and a report out. Nothing is run, and nothing is looked up on the machine or the network.
"""
