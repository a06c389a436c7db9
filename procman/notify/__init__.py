"""Decides what is told, when, and in which words. Pure: no clock, no I/O; `services.notifications` carries it out."""
