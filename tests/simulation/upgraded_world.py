"""A world whose fleet goes on in another process image, again and again."""

import json
from random import Random

from procman.config.snapshot import read_group, read_program
from procman.core.fleet import Fleet
from procman.core.snapshot import DefinitionReaders
from procman.core.states import MasterState
from tests.simulation.fake_kernel import World

READERS = DefinitionReaders(read_group, read_program)


class UpgradedWorld(World):
    """Upgrades come up to three times within so many seconds, while the master runs."""

    within = 8.0

    def run(self):
        chance = Random(self.scenario.seed)
        for _ in range(chance.randint(0, 3)):
            self._at(chance.random() * self.within, self._upgrade)
        return super().run()

    def _upgrade(self):
        if self.fleet.state is not MasterState.RUNNING or self.quit is not None or not self._booted:
            return
        data = json.loads(json.dumps(self.fleet.snapshot()))
        fleet = Fleet((), self.scenario.master)
        fleet.restore(data, READERS)
        assert json.loads(json.dumps(fleet.snapshot())) == data
        assert fleet.sockets.held == self.fleet.sockets.held
        self._note("upgraded")
        self.fleet = fleet
        self.spawns.clear()
        for order in fleet.pending_orders(self.now):
            self._carry_out(order)
        self._work()
