"""Finds values that are valid but hardly intended, each with what to write instead (`procman check`).

They all mean to procman what they mean to supervisord. Values that may be secrets are not repeated.
"""

import os
import re
from collections.abc import Iterator, Mapping

from procman.config.checks.unknown_options import section_type
from procman.config.formats.raw import RawOption, RawSection
from procman.config.resolve.option_reader import OptionReader, is_quoted
from procman.config.schema.configuration import Config
from procman.config.schema.kinds.environment import skipped_in_environment
from procman.config.schema.notation import assignment
from procman.config.schema.options import AUTO
from procman.config.secrets import is_secret, masked

# Names that hardly stand for files.
_CONSOLE = {
    **dict.fromkeys(("stdout", "console", "terminal", "tty", "inherit"), "-"),
    **dict.fromkeys(("stderr",), "/dev/stderr"),
    **dict.fromkeys(("null", "false", "no", "nowhere"), "NONE"),
    **dict.fromkeys(("true", "yes", "on"), "AUTO"),
}
# Negative numbers count as 0 here.
_NOT_BELOW_ZERO = (
    *("startsecs", "startretries", "stopwaitsecs"),
    *(f"{channel}_logfile_{what}" for channel in ("stdout", "stderr") for what in ("maxbytes", "backups")),
)


def warn_of_doubts(reading: OptionReader, config: Config) -> None:
    """Warn of each."""
    told = {(problem.section, problem.option) for problem in reading.problems}
    for section in list(reading.sections.sections.values()):
        known = section_type(section.name)
        if known is None:
            continue
        for name, raw in section.options.items():
            if (section.label, name) in told and name != "command":
                continue
            if name == "environment":
                _look_at_environment(reading, section, raw)
            elif not raw.toml and name in known.options:
                _look_at_text(reading, section, name, raw, known.options)
    if config.master.daemon and config.master.nodaemon:
        section = reading.sections.sections["supervisord"]
        message = "it contradicts daemon, which wins: take one of them out"
        reading.complain(section, "nodaemon", message, "contradiction", "warning")
    _look_at_values(reading, config)
    _look_at_urls(reading, config)
    _look_at_shared_logs(reading, config)
    for group in config.groups:
        if group.kind == "group" and not group.programs:
            section = reading.sections.sections[f"group:{group.name}"]
            if (section.label, "programs") in told:
                continue
            names = assignment("programs", "…", toml=section.toml)
            reading.complain(section, None, f"the group has no programs: add {names}", "no-program", "warning")


def _look_at_text(
    reading: OptionReader, section: RawSection, name: str, raw: RawOption, known: Mapping[str, object]
) -> None:
    """For INI: whether the next option or quotes have become part of a value."""
    if is_quoted(raw) and name != "command":
        reading.complain(section, name, "the value is in quotes", "quoted", "warning")
    for line in str(raw.value).split("\n")[1:]:
        option = re.match(r"([a-z_]+)\s*[=:]", line)
        if option is not None and option[1] in known:
            message = f"the indented line {option[1]} = … continues this value: remove the blanks before it"
            reading.complain(section, name, message, "indented-option", "warning")


def _look_at_environment(reading: OptionReader, section: RawSection, raw: RawOption) -> None:
    if isinstance(raw.value, str):
        skipped = skipped_in_environment(raw.value)
        if skipped is not None:
            message = f"what follows a blank in the value of {skipped} is ignored: put the whole value in quotes"
            reading.complain(section, "environment", message, "bad-environment", "warning")
        pairs = re.findall(r"""(?<!\w)([A-Za-z_]\w*)\s*=\s*("[^"]*"|'[^']*'|[^,\s]*)""", raw.value)
    elif isinstance(raw.value, dict):
        pairs = [(name, item) for name, item in raw.value.items() if isinstance(item, str)]
    else:
        return
    own = [name for name, _ in pairs]
    assert reading.machine.environ is not None
    for name, text in pairs:
        for found in () if is_secret(name) else re.finditer(r"(?<!\\)\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})", text):
            variable = found[1] or found[2]
            is_known = variable in reading.machine.environ or variable in own
            # If it is masked there, it is part of a password.
            if is_known and found[0] in masked(text):
                message = f"no shell is run, so {name} has {found[0]} in it as it is: write %(ENV_{variable})s"
                reading.complain(section, "environment", message, "needs-a-shell", "warning")
                break


def _look_at_values(reading: OptionReader, config: Config) -> None:
    seen: set[tuple[str, str]] = set()
    for group in config.groups:
        for program in group.programs:
            section = reading.sections.sections[program.section]
            for name in _NOT_BELOW_ZERO:
                if getattr(program, name) < 0 and (section.name, name) not in seen:
                    seen.add((section.name, name))
                    if name == "startretries":
                        way_out = "write forever to never give up"
                    else:
                        way_out = f"write {assignment(name, '0', toml=False)}"
                    reading.complain(section, name, f"a number below 0 counts as 0: {way_out}", "bad-number", "warning")
            for channel in ("stdout", "stderr"):
                name = f"{channel}_logfile"
                meant = _CONSOLE.get(str(getattr(program, name)).lower())
                if meant is not None and (section.name, name) not in seen:
                    seen.add((section.name, name))
                    message = f"this names a file: write {assignment(name, meant, toml=section.toml)}"
                    reading.complain(section, name, message, "strange-file", "warning")


def _look_at_urls(reading: OptionReader, config: Config) -> None:
    url = config.ctl.serverurl
    section = reading.sections.sections.get("supervisorctl")
    if url is not None and section is not None and not url.startswith(("unix://", "http://", "https://")):
        path = url.removeprefix("unix:")
        meant = f"unix://{path}" if path.startswith("/") else f"http://{path}"
        line = assignment("serverurl", meant, toml=section.toml)
        reading.complain(section, "serverurl", f"it has no scheme: write {line}", "bad-url", "warning")


def _look_at_shared_logs(reading: OptionReader, config: Config) -> None:
    """Two programs with the same log file would each rotate it, and take it away from the other."""
    first: dict[str, tuple[str, str, str]] = {}
    seen: set[tuple[str, str]] = set()
    for section, process, name, path in _logs(config):
        other = first.setdefault(path, (section, process, name))
        if other == (section, process, name) or (section, name) in seen:
            continue
        seen.add((section, name))
        if other[1] == process:
            way_out = "write redirect_stderr = true instead"
        elif other[0] == section:
            way_out = "tell the files apart with %(process_num)d"
        else:
            way_out = "give each a file of its own"
        where = reading.sections.sections[section]
        label = reading.sections.sections[other[0]].label
        message = f"{other[2]} of [{label}] is the same file, and each of them rotates it: {way_out}"
        reading.complain(where, name, message, "shared-log", "warning")


def _logs(config: Config) -> Iterator[tuple[str, str, str, str]]:
    """Section, process, option and path of each log that is rotated."""
    for group in config.groups:
        for program in group.programs:
            for channel in ("stdout", "stderr"):
                path = getattr(program, f"{channel}_logfile")
                if path in (None, "", AUTO) or path.startswith(("/dev/", "/proc/")):
                    continue
                if getattr(program, f"{channel}_logfile_maxbytes") > 0:
                    yield program.section, program.namespec, f"{channel}_logfile", os.path.abspath(path)
