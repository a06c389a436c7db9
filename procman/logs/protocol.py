"""`Log`: what any room may assume of the master's own log. `logs/main_log.py` implements it."""

from typing import Protocol


class Log(Protocol):
    """One method for each of supervisor's levels; none of them raises or blocks."""

    def critical(self, text: str) -> None:
        """Report what needs an operator at once."""

    def error(self, text: str) -> None:
        """Report what went wrong."""

    def warn(self, text: str) -> None:
        """Report what may go wrong."""

    def info(self, text: str) -> None:
        """Report the normal course of things."""

    def debug(self, text: str) -> None:
        """Report what helps to find a mistake in a configuration."""

    def trace(self, text: str) -> None:
        """Report what helps to find a mistake in procman."""

    def blather(self, text: str) -> None:
        """Report the smallest details."""
