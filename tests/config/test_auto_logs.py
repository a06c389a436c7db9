"""Output that nobody would see, and AUTO logs that would fill the memory."""

import os
import re
from dataclasses import replace

import pytest

from procman.config.diff import diff
from procman.config.host import Machine
from procman.config.load import load, read
from procman.config.resolve.auto_log_bounds import within_memory

MIB = 1024 * 1024


def loaded(text, folder, form="toml"):
    path = folder / f"procman.{form}"
    path.write_text(text)
    return load(str(path))


def programs(config):
    return [program for group in config.groups for program in group.programs]


def complaints(text, folder, form="toml"):
    """(line, option, value to write) of each warning about unseen output."""
    path = folder / f"procman.{form}"
    path.write_text(text)
    found = read(str(path), places=True)
    assert found.config is not None, found.problems
    return [
        (problem.line, problem.option, problem.message.partition("write ")[2].partition(" for the")[0])
        for problem in found.problems
        if problem.slug == "unseen"
    ]


@pytest.mark.parametrize(
    "stdout", ['"-"', '"/dev/stdout"', '"/dev/stderr"', '["/dev/fd/1", "AUTO"]', '["%(here)s/log", "-"]']
)
def test_in_toml_stderr_follows_stdout_to_the_console(stdout, tmp_path):
    """Errors that a program prints before it exits are in `docker logs` without an option."""
    (program,) = programs(loaded(f'[program.web]\ncommand = "true"\nstdout_logfile = {stdout}\n', tmp_path))
    assert program.stderr_logfile == "/dev/stderr"


@pytest.mark.parametrize(
    ("said", "stderr"),
    [
        ("", "AUTO"),
        ('stdout_logfile = "%(here)s/log"', "AUTO"),
        ('stdout_logfile = "NONE"', "AUTO"),
        ('stdout_logfile = "-"\nstderr_logfile = "AUTO"', "AUTO"),
        ('stdout_logfile = "-"\nstderr_logfile = "NONE"', None),
        ('stdout_logfile = "-"\nredirect_stderr = true', None),
    ],
)
def test_stderr_goes_where_the_file_says(said, stderr, tmp_path):
    """A file for stdout or an option for stderr changes the default, without a warning."""
    config = loaded(f'[program.web]\ncommand = "true"\n{said}\n', tmp_path)
    assert programs(config)[0].stderr_logfile == stderr
    assert config.warnings == ()


def test_in_ini_stderr_is_where_supervisord_has_it(tmp_path):
    """The default is an AUTO log, and `check` warns of it."""
    text = "[supervisord]\nlogfile=%(here)s/log\n[program:web]\ncommand=true\nstdout_logfile=/dev/stdout\n"
    config = loaded(text, tmp_path, "conf")
    assert (programs(config)[0].stderr_logfile, config.warnings) == ("AUTO", ())
    assert complaints(text, tmp_path, "conf") == [(3, "stderr_logfile", "stderr_logfile = /dev/stderr")]


def test_check_warns_of_output_that_nobody_sees_in_a_container(tmp_path):
    """It warns if the master's log or the other stream goes to the console, but not of what the file asks for."""
    text = (
        '[procman]\nlogfile = "/dev/stdout"\n'
        '[program.both]\ncommand = "true"\n'
        '[program.one]\ncommand = "true"\nstdout_logfile = "NONE"\n'
        '[program.asked]\ncommand = "true"\nstdout_logfile = "AUTO"\nstderr_logfile = "AUTO"\n'
        '[program.seen]\ncommand = "true"\nstdout_logfile = "-"\n'
        '[program.merged]\ncommand = "true"\nredirect_stderr = true\n'
        '[eventlistener.listener]\ncommand = "true"\nevents = ["TICK_5"]\n'
    )
    assert sorted(complaints(text, tmp_path)) == [
        (3, "stdout_logfile", 'stdout_logfile = "-"'),
        (5, "stderr_logfile", 'stderr_logfile = "-"'),
        (15, "stdout_logfile", 'stdout_logfile = "-"'),
        (18, "stderr_logfile", 'stderr_logfile = "-"'),
    ]
    assert complaints(text.replace("/dev/stdout", "%(here)s/log"), tmp_path) == []


def test_a_host_where_nothing_speaks_of_a_container_is_not_warned(tmp_path):
    """In TOML the master's log goes to the console by default. That alone does not make a container of a host."""
    text = '[program.web]\ncommand = "true"\n'
    assert complaints(text, tmp_path) == []
    seen = '[program.seen]\ncommand = "true"\nstdout_logfile = "-"\n'
    assert complaints(text + seen, tmp_path) == [(1, "stdout_logfile", 'stdout_logfile = "-"')]


@pytest.mark.parametrize("name", ["Dockerfile", "Containerfile"])
def test_a_file_beside_a_dockerfile_is_for_a_container(name, tmp_path):
    """It is checked where the image is built, before there is a container."""
    (tmp_path / name).write_text("FROM procman\n")
    assert complaints('[program.web]\ncommand = "true"\n', tmp_path) == [(1, "stdout_logfile", 'stdout_logfile = "-"')]


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("toml", '[procman]\nlogfile = "/dev/stdout"\n[program.web]\ncommand = "true"\n'),
        ("conf", "[supervisord]\nlogfile = /dev/stdout\n[program:web]\ncommand = true\n"),
    ],
)
def test_the_proposed_change_silences_the_warning(form, text, tmp_path):
    """Each of the proposed changes silences the warning, even if neither stream is configured."""
    path = tmp_path / f"procman.{form}"
    path.write_text(text)
    (message,) = (p.message for p in read(str(path), places=True).problems if p.slug == "unseen")
    ways = re.fullmatch(r".*: write (.*) for the console, or (.*) to leave it there", message).groups()
    for way in ways:
        assert complaints(text + way.replace(" and ", "\n"), tmp_path, form) == []


def test_pid_1_warns_of_unseen_output_at_its_start(tmp_path, monkeypatch):
    """In a container `check` is rarely run."""
    text = '[procman]\nlogfile = "%(here)s/log"\n[program.web]\ncommand = "true"\n'
    assert loaded(text, tmp_path).warnings == ()
    monkeypatch.setattr(Machine, "is_pid_1", property(lambda _: True))
    (warning,) = loaded(text, tmp_path).warnings
    assert "in a container nobody sees its output, which goes to files in " in warning.message


def total(config):
    """The largest size of all AUTO logs with their backups."""
    return sum(
        maxbytes * (backups + 1)
        for program in programs(config)
        for place, maxbytes, backups in (
            (program.stdout_logfile, program.stdout_logfile_maxbytes, program.stdout_logfile_backups),
            (program.stderr_logfile, program.stderr_logfile_maxbytes, program.stderr_logfile_backups),
        )
        if place == "AUTO"
    )


@pytest.mark.parametrize("number", [1, 2, 3, 100])
def test_auto_logs_in_memory_take_no_more_than_the_stated_sum(number, tmp_path):
    """The number and the configured size of the logs do not matter; the warning states each one's bound."""
    config = loaded(
        f'[program.web]\ncommand = "true"\nnumprocs = {number}\nprocess_name = "%(process_num)d"\n'
        'stdout_logfile_maxbytes = 0\n[program.file]\ncommand = "true"\nstdout_logfile = "%(here)s/log"\n'
        'stderr_logfile = "NONE"\n',
        tmp_path,
    )
    bounded = within_memory(config)
    assert 8 * MIB <= total(bounded) <= 16 * MIB
    file, *web = programs(bounded)
    assert file == programs(config)[0]
    assert len(web) == number
    assert len({(program.stdout_logfile_maxbytes, program.stdout_logfile_backups) for program in web}) == 1
    warning = bounded.warnings[-1]
    each = web[0].stdout_logfile_maxbytes // 1024
    assert warning.section == "procman"  # as it is written in TOML
    assert (
        f"so all AUTO logs in it ({2 * number}) are kept within 16 MiB together: each is rotated at {each} KiB"
        in str(warning)
    )


def test_auto_logs_that_fit_stay_as_they_are(tmp_path):
    """A program that configured less keeps less."""
    small = 'stdout_logfile_maxbytes = "1MB"\nstderr_logfile_maxbytes = "1MB"\n'
    config = loaded(
        f'[program.web]\ncommand = "true"\n{small}stdout_logfile_backups = 2\nstderr_logfile_backups = 2\n', tmp_path
    )
    assert within_memory(config) is config
    assert total(within_memory(config, MIB)) <= MIB
    assert within_memory(replace(config, groups=())) == replace(config, groups=())
    mixed = loaded(f'[program.web]\ncommand = "true"\n{small}stderr_logfile_backups = 0\n', tmp_path)
    (program,) = programs(within_memory(mixed))
    assert (program.stderr_logfile_maxbytes, program.stderr_logfile_backups) == (MIB, 0)


def test_most_programs_that_are_added_change_nothing_for_the_others(tmp_path):
    """An `update` restarts only what has changed."""

    def of(number):
        text = "".join(f'[program.p{index}]\ncommand = "true"\n' for index in range(number))
        return within_memory(loaded(text, tmp_path))

    changes = diff(of(5), of(8))
    assert ([group.name for group in changes.added], changes.changed) == (["p5", "p6", "p7"], ())


def test_this_process_is_no_container():
    """The tests above rely on it."""
    assert os.getpid() != 1
