"""The modules that only programs with certain options need: most masters have none of these, and boot without them.

They are imported when a configuration is read that has such an option. So a start of a program reads no code, which may
belong to another version of procman by then.
"""

from collections.abc import Callable
from importlib import import_module

from procman.config.problems import ConfigError, Problem
from procman.config.schema.configuration import Config
from procman.config.schema.programs import Program
from procman.runtime.limit_options import has_cgroup_limits, has_process_limits, has_view

# What a program needs a feature for, and the modules of that, which import others.
_FEATURES: dict[str, tuple[Callable[[Program], bool], tuple[str, ...]]] = {
    "limits": (
        lambda program: has_process_limits(program) or has_cgroup_limits(program) or has_view(program),
        ("procman.runtime.changed_limits",),
    ),
    "memory_restart": (lambda program: program.memory_restart is not None, ("procman.system.tree_usage",)),
}


def import_features(config: Config) -> None:
    """Import what its programs need; raises ConfigError where that is impossible."""
    programs = [program for group in config.groups for program in group.programs]
    for feature, (uses, modules) in _FEATURES.items():
        user = next(filter(uses, programs), None)
        if user is None:
            continue
        try:
            for module in modules:
                import_module(module)
        except Exception as error:  # noqa: BLE001 - of a file that is gone, cut off, or of another version: anything
            message = f"procman's own code for {feature} cannot be imported ({error}): put its files in order"
            raise ConfigError([Problem(config.file, None, user.section, None, message)]) from None
