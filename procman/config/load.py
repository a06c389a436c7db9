"""A configuration file, and what it includes, to one `Config`; or all that is wrong with it, at once.

It does what supervisor's reader does, in its order, so that the first complaint is the one supervisor would have made;
but it goes on after it with the option's default. Nothing is changed, made or imported by loading.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from procman.config.expand import NotExpanded, environment_names, expand, takes_all
from procman.config.files import Gathered, gather
from procman.config.machine import Assumptions, Machine
from procman.config.model import (
    RPC_FACTORY,
    SECTIONS,
    Config,
    Ctl,
    FcgiOptions,
    FcgiSocket,
    Group,
    GroupOptions,
    InetServer,
    ListenerOptions,
    Master,
    RpcInterface,
    SectionType,
    UnixServer,
)
from procman.config.options import Option, Unfit, host_and_port, options_of, similar
from procman.config.problems import ConfigError, Problem, Severity
from procman.config.programs import Programs
from procman.config.raw import RawOption, RawSection, Sections
from procman.config.reading import Reading

__all__ = ["Assumptions", "ConfigError", "Loaded", "Problem", "load", "read"]
