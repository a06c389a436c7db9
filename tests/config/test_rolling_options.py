"""How a program is restarted, how many of its processes at once, and how many it has."""

import pytest

from procman.config.load import load
from procman.config.problems import ConfigError
from procman.system.cpus import usable_cpus

INI = "[supervisord]\n[program:web]\ncommand=/bin/web\n"
SEVERAL = INI + "process_name=web_%(process_num)d\n"


def web(folder, text, name="procman.conf", **more):
    (folder / name).write_text(text)
    config = load(str(folder / name), environ={}, **more)
    (group,) = config.groups
    return config, group.programs


def complaint(folder, text, name="procman.conf"):
    with pytest.raises(ConfigError) as caught:
        web(folder, text, name)
    return str(caught.value)


def test_both_forms_are_read(tmp_path):
    """A batch is a number or a percentage; a program that says nothing is restarted all at once."""
    lines = "numprocs=4\nrestart_strategy=rolling\nrolling_batch=25%\n"
    _, (one, *_) = web(tmp_path, SEVERAL + lines)
    assert (one.restart_strategy, one.rolling_batch) == ("rolling", (25, True))
    toml = '[program.web]\ncommand = "/bin/web"\nrestart_strategy = "rolling"\nrolling_batch = 2\n'
    _, (one,) = web(tmp_path, toml, "procman.toml")
    assert (one.restart_strategy, one.rolling_batch) == ("rolling", (2, False))
    _, (one,) = web(tmp_path, INI)
    assert (one.restart_strategy, one.rolling_batch, one.program) == ("all", (1, False), "web")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rolling_batch=0", "a batch has at least one process: write 1"),
        ("rolling_batch=101%%", "no batch is larger than all of them: write 100%"),
        ("rolling_batch=half", "expected a number of processes, or a percentage such as 25%"),
        ("restart_strategy=roling", "did you mean rolling?"),
        ("numprocs=many", "expected a whole number, or auto for one of each CPU"),
        ("numprocs=3\nnumprocs_max=2", "numprocs is 3, and numprocs_max allows 2: raise it, or lower numprocs"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path, line, words):
    """With the place, and what to write."""
    text = complaint(tmp_path, SEVERAL + line + "\n")
    assert words in text
    assert "procman.conf:5" in text or "procman.conf:6" in text


def test_auto_is_one_process_for_each_cpu(tmp_path):
    """Which there are by the affinity and the quota."""
    _, programs = web(tmp_path, SEVERAL + "numprocs=auto\n")
    assert len(programs) == usable_cpus()


def test_auto_is_at_most_numprocs_max(tmp_path):
    """The file can be used on a machine with more CPUs, too."""
    _, programs = web(tmp_path, SEVERAL + "numprocs=auto\nnumprocs_max=1\n")
    assert len(programs) == 1


@pytest.mark.parametrize(
    ("quota", "count"), [("250000 100000", 3), ("max 100000", None), ("50000 100000", 1), ("nonsense", None)]
)
def test_the_quota_of_the_cgroup_counts(tmp_path, quota, count):
    """It is rounded up; where there is none, the affinity decides."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/cpu.max").write_text(quota)
    (tmp_path / "own").write_text("0::/a/b\n")
    whole = usable_cpus(str(tmp_path / "none"))
    found = usable_cpus(str(tmp_path / "own"), str(tmp_path))
    assert found == (whole if count is None else min(whole, count))


def test_a_scaled_program_has_as_many_until_the_file_says_otherwise(tmp_path):
    """The number holds as long as numprocs in the file is what it was then, and within numprocs_max."""
    scales = {"program:web": [5, 2]}
    config, programs = web(tmp_path, SEVERAL + "numprocs=2\n", scales=scales)
    assert [one.name for one in programs] == [f"web_{number}" for number in range(5)]
    (template,) = config.templates
    assert (template.program, template.numprocs, template.file_numprocs) == ("web", 5, 2)
    assert len(web(tmp_path, SEVERAL + "numprocs=3\n", scales=scales)[1]) == 3
    assert len(web(tmp_path, SEVERAL + "numprocs=2\nnumprocs_max=4\n", scales=scales)[1]) == 2
    assert web(tmp_path, SEVERAL + "numprocs=2\n", scales={"program:web": [0, 2]})[1] == ()
