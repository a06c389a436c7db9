"""`procman test`: simulates a configuration as a file of tests says, and compares with what that expects."""

import json
import sys
from fnmatch import fnmatchcase
from xml.etree import ElementTree as ET

from procman.cli.flags import read_behind
from procman.cli.procman_commands.config_file import assumptions, config_file
from procman.cli.procman_commands.simulate import lines_of, name_width, processes_of
from procman.cli.procman_commands.table import COMMANDS
from procman.cli.terminal_text import safe
from procman.config.formats.toml import content_of
from procman.config.formats.toml import lines_of as key_lines
from procman.config.load import load
from procman.config.problems import Problem
from procman.config.schema.configuration import Config
from procman.config.spelling import did_you_mean
from procman.errors import BadRequest, ProcmanError
from procman.simulator.scenario import Entry, scenario_of
from procman.simulator.tests_file import Case, Expectation, Verdict, read_tests, run_case

PASSED = 0
FAILED = 1

# So many lines of the timeline are shown of a test that has failed.
_MOST_LINES = 30


def test(given: dict[str, str]) -> int:
    """Run the tests of a file, or those that are named; status 1 if one of them fails."""
    given, words = read_behind(COMMANDS["test"].flags, given)
    if not words:
        raise BadRequest("cannot test without a file of tests: procman test -c CONFIGURATION FILE")
    path, *names = words
    config = load(config_file(given.get("configuration")), assume=assumptions(given.get("assume")))
    cases = _chosen(_cases(path, config), names, path)
    scenario = scenario_of(config)
    show = _Quiet() if "json" in given else _Text(path, config, verbose="verbose" in given)
    show.begin(len(cases))
    verdicts = []
    for case in cases:
        verdicts.append(run_case(case, scenario))
        show.verdict(verdicts[-1])
    failed = sum(not verdict.passed for verdict in verdicts)
    show.end(len(verdicts) - failed, failed)
    if "json" in given:
        print(json.dumps({"file": path, "tests": [_as_json(verdict, path) for verdict in verdicts]}))
    if "junitxml" in given:
        _write_junit(given["junitxml"], path, verdicts)
    return FAILED if failed else PASSED


def _cases(path: str, config: Config) -> list[Case]:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise ProcmanError(f"cannot read {path}: {error.strerror}; name a file of tests") from None
    except UnicodeDecodeError:
        raise ProcmanError(f"cannot read {path}: it is not UTF-8, so it is no TOML") from None
    content, problems = content_of(text, path)
    if content is not None:
        cases, problems = read_tests(content, key_lines(text), path, processes_of(config))
        if not problems:
            return cases
    raise ProcmanError("\n".join(str(problem) for problem in sorted(problems, key=_line)))


def _line(problem: Problem) -> int:
    return problem.line or 0


def _chosen(cases: list[Case], names: list[str], path: str) -> list[Case]:
    known = [case.name for case in cases]
    for name in names:
        if not any(fnmatchcase(one, name) for one in known):
            raise ProcmanError(
                f"{path}: there is no test {name}{did_you_mean(name, known)}; there are {', '.join(known)}"
            )
    return [case for case in cases if not names or any(fnmatchcase(case.name, name) for name in names)]


class _Quiet:
    """What is shown while the tests run: nothing."""

    def begin(self, count: int) -> None:
        """So many tests follow."""

    def verdict(self, verdict: Verdict) -> None:
        """One of them is done."""

    def end(self, passed: int, failed: int) -> None:
        """All are done."""


class _Text(_Quiet):
    def __init__(self, path: str, config: Config, *, verbose: bool) -> None:
        self._path = path
        self._config = config
        self._width = name_width(config)
        self._verbose = verbose

    def begin(self, count: int) -> None:
        print(f"{safe(self._config.file)}: {count} {'test' if count == 1 else 'tests'} of {safe(self._path)}")

    def verdict(self, verdict: Verdict) -> None:
        case = verdict.case
        about = f"  {case.about}" if case.about else ""
        print(f"{'ok    ' if verdict.passed else 'FAILED'}  {safe(case.name + about)}")
        for expectation, failure in verdict.failures:
            where = f"{self._path}:{expectation.line if expectation else case.line}"
            what = f"{expectation.name}: " if expectation else ""
            print(f"        {safe(f'{where}: {what}{failure.words}')}")
        names = {name for _, failure in verdict.failures for name in failure.about}
        shown = verdict.simulation.entries
        if not self._verbose:
            stops = any(one is not None and one.name.startswith("stop") for one, _ in verdict.failures)
            shown = _about(shown if stops else shown[: verdict.simulation.shutdown], names)
        for line in lines_of(shown[: None if self._verbose else _MOST_LINES], self._width):
            print(f"        {line}")
        if not self._verbose and len(shown) > _MOST_LINES:
            print(f"        … {len(shown) - _MOST_LINES} more lines; -v shows all")

    def end(self, passed: int, failed: int) -> None:
        print(f"{passed} passed, {failed} failed")


def _about(entries: list[Entry], names: set[str]) -> list[Entry]:
    """The lines about those processes, and what was given."""
    if not names:
        return []
    return [entry for entry in entries if entry.is_given or entry.name in names]


def _where(expectation: Expectation | None, verdict: Verdict) -> int | None:
    return expectation.line if expectation is not None else verdict.case.line


def _as_json(verdict: Verdict, path: str) -> dict[str, object]:
    return {
        "name": verdict.case.name,
        "about": verdict.case.about,
        "file": path,
        "line": verdict.case.line,
        "passed": verdict.passed,
        "failures": [
            {"expectation": one.name if one else None, "line": _where(one, verdict), "text": failure.words}
            for one, failure in verdict.failures
        ],
        "records": [entry.to_json() for entry in verdict.simulation.entries],
    }


def _write_junit(target: str, path: str, verdicts: list[Verdict]) -> None:
    failed = sum(not verdict.passed for verdict in verdicts)
    suite = ET.Element("testsuite", name=path, tests=str(len(verdicts)), failures=str(failed), errors="0")
    for verdict in verdicts:
        case = ET.SubElement(
            suite, "testcase", classname=path, name=verdict.case.name, file=path, line=str(verdict.case.line or 0)
        )
        for one, failure in verdict.failures:
            text = f"{path}:{_where(one, verdict)}: {failure.words}"
            ET.SubElement(case, "failure", message=text).text = text
    try:
        ET.ElementTree(suite).write(target, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise ProcmanError(f"cannot write {target}: {error.strerror}; name another file") from None
    sys.stdout.flush()
