"""Scenarios in which the health of programs is looked at: some are ill, silent or late, and the master may be drowsy.

They all end with a shutdown: looks never end by themselves.
"""

from dataclasses import replace
from random import Random
from signal import SIGHUP

from procman.config.schema.master import Master
from procman.core.events import Event, HealthPauseRequested, ShutdownRequested
from procman.core.spec import Condition, OnUnhealthy, ProcessType, ReadyKind, Reload
from tests.simulation.fake_kernel import Behaviour, Scenario
from tests.simulation.scenarios import CONFIG_KINDS, DELAYS, Imagination

LONG = (0.0, 0.5, 2.0, 5.0)


def health_scenario(random: Random) -> Scenario:
    """Something that may happen in half a minute to programs with health checks."""
    return _Clinic(random).scenario()


class _Clinic(Imagination):
    def scenario(self) -> Scenario:
        plain = super().scenario()
        requests = [(delay, one) for delay, one in plain.requests if not isinstance(one, ShutdownRequested)]
        requests = [(self._pick(*LONG), one) for _, one in requests]
        end = [(self._pick(5.0, 20.0), ShutdownRequested()), (60.0, ShutdownRequested())]
        return replace(plain, requests=(*requests, *end), drowsy=self._pick(0.0, 0.0, 0.1, 0.5))

    def _master(self) -> Master:
        return Master(shutdown_timeout=self._pick(None, 9))

    def _options(self) -> dict:
        options = super()._options()
        ill = {} if options["type"] is ProcessType.ONESHOT else self._health()
        return {**options, "startsecs": 0 if options["type"] is ProcessType.ONESHOT else self._pick(0, 1), **ill}

    def _health(self) -> dict:
        return {
            "health": self._pick(None, *[Condition(ReadyKind.TCP, "tcp:1")] * 4),
            "backoff_reset": self._pick(None, 1),
            "health_interval": self._pick(0.5, 1.0, 2.0),
            "health_timeout": self._pick(0.2, 0.5, 3.0),
            "health_retries": self._pick(1, 2, 3),
            "health_start_period": self._pick(0.0, 0.0, 3.0),
            "watchdog": self._pick(None, None, 1.0),
            "reload": Reload(int(SIGHUP)),
            "on_unhealthy": self._pick(
                *[OnUnhealthy("restart")] * 3,
                OnUnhealthy("stop"),
                OnUnhealthy("signal", signal=int(SIGHUP)),
                OnUnhealthy("reload"),
                OnUnhealthy("exec", command="dump"),
                OnUnhealthy("none"),
            ),
        }

    def _behaviour(self) -> Behaviour:
        return replace(
            super()._behaviour(),
            well=self._pick((0.0, None), (0.0, None), (2.0, None), (0.0, 4.0), (0.0, 0.0)),
            flaky=self._pick(0.0, 0.0, 0.5),
            hangs=self._chance(0.3),
            beats=self._pick(None, 0.4, 0.9),
            answers_after=self._pick(0.0, 0.0, 0.1, 0.4, None),
            lives=self._pick(None, None, None, 1.0, 3.5),
            fails=None,
            refuses=False,
        )

    def _request(self, kinds: tuple[str, ...] = CONFIG_KINDS) -> Event:
        if self._chance(0.15):
            return HealthPauseRequested(self._name(), self._pick(0.0, *DELAYS), "a dump")
        return super()._request(kinds)
