"""The vocabulary of a file of tests: what each line means, and what is said when it is wrong."""

import textwrap

import pytest

from procman.config.formats.toml import content_of, lines_of
from procman.simulator.expectations import EXPECTATIONS
from procman.simulator.notation import HAPPENINGS
from procman.simulator.tests_file import read_tests, run_case
from tests.simulator.timelines import scenario

CONFIG = """
    [program.db]
    command = "db"
    ready = "tcp:5432"
    [program.migrate]
    type = "oneshot"
    command = "migrate"
    depends_on = ["db"]
    [program.web]
    command = "web"
    depends_on = ["db", "migrate"]
    on_dependency_restart = "restart"
    startsecs = 0
    [program.worker]
    command = "worker"
    numprocs = 2
    process_name = "%(program_name)s_%(process_num)d"
    startsecs = 0
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """The configuration, which no test changes."""
    return scenario(tmp_path_factory.mktemp("stack"), CONFIG)


@pytest.fixture
def read(stack):
    """Reads a text as a file of tests."""

    def read(text):
        text = textwrap.dedent(text)
        content, problems = content_of(text, "tests.toml")
        assert not problems
        known = {group.name: [program.namespec for program in group.programs] for group in stack.groups}
        return read_tests(content, lines_of(text), "tests.toml", known)

    return read


@pytest.fixture
def failures(read, stack):
    """What is wrong in the one test that has these lines."""

    def failures(lines):
        cases, problems = read(f"[test.one]\n{lines}")
        assert problems == []
        return [failure.words for _, failure in run_case(cases[0], stack).failures]

    return failures


@pytest.fixture
def complaints(read):
    """What is said of a file."""
    return lambda text: [str(problem) for problem in read(text)[1]]


@pytest.mark.parametrize(
    "line",
    [
        'running_before = { db = "1s", migrate = "2s", web = "2s", worker = "0s" }',
        'order = ["db", "migrate", "web"]',
        'order = ["db started", "db ready", "migrate done", "web started", "web ready"]',
        'never = ["web started before db is ready", "web restarted", "db fatal", "web started while db is not ready"]',
        'happens = ["migrate ready", "web started while db is ready"]',
        'at_end = { web = "running", migrate = "EXITED" }',
        "restarted = { web = 0, worker = 0 }",
        'stop_order = ["web", "db"]',
        'stops_within = "1s"',
        "exit_status = 0",
    ],
)
def test_what_is_so_passes(failures, line):
    """Each kind of expectation, of a boot and a shutdown."""
    assert failures(line) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('running_before = { web = "1s" }', "web is ready at 2s; expected 1s at the latest"),
        ('order = ["web", "db"]', "db ready at 1s comes before web ready at 2s"),
        ('order = ["db", "db"]', "db ready, time 2 does not happen: that happens once"),
        ('never = ["worker:* started"]', "worker:* started: it happens at 0s, to worker:worker_0"),
        ('never = ["worker:* started while db is not ready"]',
         "worker:* started while db is not ready: it happens at 0s, to worker:worker_0"),
        ('never = ["db started before web is ready"]', "db started before web is ready: it happens at 0s"),
        ('happens = ["db restarted"]', "db restarted: it does not happen"),
        ('at_end = { web = "fatal" }', "web is RUNNING at 2s; expected FATAL"),
        ('restarted = { web = "at least 1" }', "web is never started again; expected at least 1"),
        ('stop_order = ["db", "web"]', "web ended at 2s comes before db ended at 2s"),
        ('stops_within = "5s"\nprogram.web.stop = "8s"', "the shutdown takes 8s; expected 5s at the latest"),
        ("exit_status = 3", "the master ends with 0; expected 3"),
        ('kill = "migrate@30s"\norder = ["db"]', "at 30s: migrate cannot be ended: it is not running (EXITED)"),
        ('back_within = { db = "1s" }',
         "nothing happens to it: give kill, unready, exit, stop, start or restart"),
    ],
)  # fmt: skip
def test_what_is_not_so_fails_with_what_is(failures, line, words):
    """The times, the counts and the states that were found, and those that were expected."""
    assert failures(line) == [words]


def test_a_fault_and_the_way_back(failures):
    """Times of `back_within` are from the fault; a restart counts from the second start on."""
    kill = 'kill = "db@10s"\n'
    assert (
        failures(kill + 'back_within = { db = "1s", web = "1s", worker = "0s" }\nrestarted = { db = 1, web = 1 }') == []
    )
    assert failures(kill + 'order = ["db", "web", "db ended", "db", "web stopping", "web"]') == []
    assert failures(kill + 'program.db.ready = "3s"\nback_within = { web = "2s" }') == [
        "web is ready again after 3s; expected 2s at the latest"
    ]
    assert failures(kill + 'program.db.ready = "3s"\nnever = ["web ready while db is not ready"]') == []
    assert failures('exit = "worker:worker_0:3@5s"\nhappens = ["worker:worker_0 restarted"]') == []


def test_assumptions_of_all_tests_and_of_one(read, stack):
    """Those of a test go before those of the file."""
    cases, problems = read(
        """
        [program.db]
        ready = "5s"
        [test.slow]
        running_before = { db = "5s", web = "6s" }
        [test.slower.program.db]
        ready = "7s"
        [test.slower]
        running_before = { db = "6s" }
        until = "20s"
        seed = 7
        clock = 2026-11-29T02:59:00Z
        about = "a slow disk"
        """
    )
    assert problems == []
    verdicts = [run_case(case, stack) for case in cases]
    assert [verdict.passed for verdict in verdicts] == [True, False]
    assert verdicts[1].failures[0][1].words == "db is ready at 7s; expected 6s at the latest"
    assert (cases[1].until, cases[1].seed, cases[1].about) == (20.0, 7, "a slow disk")
    assert cases[1].clock == 1795921140.0


def test_every_mistake_has_its_line_and_all_are_told_at_once(complaints):
    """With what was probably meant, and what may stand there."""
    said = complaints(
        """\
        [program.dbb]
        ready = "3s"
        [program.web]
        redy = "3s"
        stop = "soon"
        [test.x]
        kill = "db"
        unredy = "web@3s"
        exit = "web@3s"
        order = ["web foo"]
        never = ["web started before db"]
        running_before = { db = "soon" }
        restarted = { db = "often" }
        at_end = { db = "up" }
        happens = "web ready"
        until = "1y"
        [test.y]
        kill = "db@1s"
        [test.z]
        order = ["worker"]
        [tst.z]
        """
    )
    assert [line.split(": ", 1)[0] for line in said] == [
        f"tests.toml:{number}" for number in (21, 1, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 20)
    ]
    text = "\n".join(said)
    for words in (
        "there is no process or group 'dbb'; did you mean db?",
        "there is no redy to assume; did you mean ready?",
        "cannot read 'soon' as a time",
        "did you mean unready?",
        "expected web:1@20s",
        "there is no moment or state 'foo'",
        "there is no state 'up'",
        'expected a list, such as ["db", "web"]',
        "nothing is expected",
        "worker is 2 processes",
        "did you mean test?",
    ):
        assert words in text, words


def test_a_file_without_tests_is_a_mistake(complaints):
    """It would pass for ever."""
    assert complaints('[program.db]\nready = "3s"\n') == [
        "tests.toml: there is no test in it: write [test.NAME], and what is expected below"
    ]


VALUES = ("3", '"a"', "[1]", "true", "1979-05-27", "{ }", '{ db = 3, nope = "x" }', "nan", "-1", '"db@nan"', '"@"')


@pytest.mark.parametrize("key", [*HAPPENINGS, *EXPECTATIONS, "about", "until", "clock", "seed", "program"])
def test_no_value_is_a_traceback(complaints, key):
    """Whatever TOML can say is read, or is a mistake with a line."""
    for value in VALUES:
        for line in complaints(f"[test.x]\n{key} = {value}\n"):
            assert line.startswith("tests.toml:")
