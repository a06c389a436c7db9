"""Configurations in virtual time: what the timeline has, and what is expected of it."""
