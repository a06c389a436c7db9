"""The outputs of a master, and programs that are pipes the test writes to."""

import asyncio
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from procman.config.schema.configuration import Config
from procman.config.schema.master import Master
from procman.core.actions import AnnounceInPlace
from procman.runtime.output_router import OutputRouter
from procman.system.spawn import Child
from tests.support.notifications import notify

if TYPE_CHECKING:
    from procman.config.schema.programs import Program


class OutputRecorder:
    """An observer that keeps what it is told, and can wait for it."""

    def __init__(self, listeners=()):
        self.listeners = listeners
        self.told = []
        self._more = asyncio.Event()

    def listens(self, program):
        return program.name in self.listeners

    def heard(self, name, data):
        self._tell("heard", name, data)

    def logged(self, program, pid, channel, data):
        self._tell("logged", program.name, pid, channel, data)

    def captured(self, program, pid, channel, data):
        self._tell("captured", program.name, pid, channel, data)

    def _tell(self, *what):
        self.told.append(what)
        self._more.set()

    async def wait_for(self, *what):
        while what not in self.told:
            self._more.clear()
            await asyncio.wait_for(self._more.wait(), 60)


class RoutedOutputs:
    """An OutputRouter, with `writers` in place of the programs."""

    def __init__(self, folder, *, listeners=(), **master):
        self.folder = folder
        self.main_log = folder / "master.log"
        options: dict[str, Any] = {
            "logfile": str(self.main_log),
            "silent": True,
            "childlogdir": str(folder),
            "nocleanup": True,
        }
        self.progress = asyncio.Event()
        config = Config(file="x", here="/", master=Master(**options | master))
        self.definitions: dict[str, Program] = {}
        self.outputs = OutputRouter(config, "0123abcd", on_progress=self.progress.set, definition=self.definitions.get)
        self.observer = OutputRecorder(listeners)
        self.outputs.filters.observer = self.observer
        self.writers: dict[tuple[int, str], int] = {}

    def start(self, program, pid, *channels):
        """A program has started, with both pipes or those that are named."""
        readers = {}
        for channel in channels or ("stdout", "stderr"):
            readers[channel], self.writers[pid, channel] = os.pipe()
        self.outputs.attach(
            program.namespec,
            program,
            Child(pid, None, readers.get("stdout"), readers.get("stderr"), popen=None),
        )

    def write(self, pid, data, channel="stdout"):
        os.write(self.writers[pid, channel], data)

    def write_and_read(self, pid, data):
        """Have it read at once; the loop would do it a moment later."""
        self.write(pid, data)
        self.outputs.ended("web")

    def end(self, name, pid):
        """A process has ended, and its pipes have no other writers."""
        for key in [key for key in self.writers if key[0] == pid]:
            os.close(self.writers.pop(key))
        self.outputs.ended(name)

    def change(self, program, **options):
        changed = replace(program, **options)
        self.outputs.hear(notify(AnnounceInPlace(program.namespec, program, changed)))
        return changed

    def log(self, name="web", channel="stdout"):
        assert self.outputs.disks.pause() is None  # everything that has come is written
        self.outputs.disks.resume()
        return (self.folder / f"{name}.{channel}").read_bytes()

    def main(self):
        """The texts in the master's log, without their times."""
        assert self.outputs.disks.pause() is None  # everything that has come is written
        self.outputs.disks.resume()
        return [line[24:] for line in self.main_log.read_text().splitlines()]

    async def obstacle_is(self, reason):
        """Wait until the obstacle to an upgrade is this one; looks whenever one may be gone."""
        while self.outputs.obstacle() != reason:
            self.progress.clear()
            await asyncio.wait_for(self.progress.wait(), 60)

    def close(self):
        for writer in self.writers.values():
            os.close(writer)
        self.outputs.close(1)
