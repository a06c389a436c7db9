"""Crash reports: what was known when a process ended unexpectedly, could not be started, or had to be killed."""
