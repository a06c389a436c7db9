"""`procman check` notes what dependencies do to other options, and what may be taken for readiness."""

import socket

import pytest

from procman.cli.procman import main
from procman.config.load import read

SLEEP = 'command = "sleep 1"\n'


def notes(folder, text):
    """(line, option, message) of each note; the file has to be good."""
    file = folder / "procman.toml"
    file.write_text(text)
    loaded = read(str(file), environ={}, places=True)
    assert loaded.config is not None, loaded.problems
    return [(one.line, one.option, one.message) for one in loaded.problems if one.severity == "note"]


def test_a_lowered_priority_is_noted_with_the_dependent(tmp_path):
    """It is told once for a section, with the program that decides, also through others."""
    text = (
        f"[program.db]\n{SLEEP}priority = 900\nstopwaitsecs = 20\n[program.api]\n{SLEEP}priority = 800\n"
        f'depends_on = ["db"]\n[program.web]\n{SLEEP}priority = 5\ndepends_on = ["api"]\n'
    )
    message = "it counts with 5, because web has that and depends on it"
    found = [(line, said) for line, option, said in notes(tmp_path, text) if option == "priority"]
    assert sorted(found) == [(3, message), (7, message)]


def test_a_priority_within_a_group_is_noted(tmp_path):
    """The priority of the process decides there."""
    text = (
        f'[group.shop]\nprograms = ["db", "web"]\n[program.db]\n{SLEEP}priority = 9\n'
        f'[program.web]\n{SLEEP}priority = 1\ndepends_on = ["shop:db"]\n'
    )
    assert (5, "priority", "it counts with 1, because shop:web has that and depends on it") in notes(tmp_path, text)


def test_a_longer_stop_plan_is_noted(tmp_path):
    """It says by how much; the stop plan has the levels."""
    text = f'[program.db]\n{SLEEP}[program.web]\n{SLEEP}stopwaitsecs = 5\ndepends_on = ["db"]\n'
    message = (
        "depends_on makes a shutdown take up to 16 s instead of 11 s, because what others depend on stops after them"
    )
    assert notes(tmp_path, text) == [(None, None, message)]


def test_a_target_without_autostart_is_noted(tmp_path):
    """Being needed starts it; an optional edge, or one of something that does not start, does not."""
    text = (
        f"[program.db]\n{SLEEP}autostart = false\n[program.mail]\n{SLEEP}autostart = false\n"
        f'[program.tool]\n{SLEEP}autostart = false\ndepends_on = ["mail"]\n'
        f'[program.web]\n{SLEEP}depends_on = ["db", "mail?"]\n'
    )
    message = "it starts with the master all the same, because web depends on it"
    assert (3, "autostart", message) in notes(tmp_path, text)
    assert [option for _, option, _ in notes(tmp_path, text)].count("autostart") == 1


def test_a_target_of_a_schedule_starts_with_its_runs(tmp_path):
    """And with the master where something else needs it there, or the job runs then."""
    job = 'command = "true"\nschedule = "@daily"\ndepends_on = ["db"]\n'
    text = f"[program.db]\n{SLEEP}autostart = false\n[program.job]\n{job}"
    assert (3, "autostart", "it starts before a run by a schedule all the same, because job depends on it") in notes(
        tmp_path, text
    )
    at_boot = "it starts with the master all the same, because {} depends on it"
    assert (3, "autostart", at_boot.format("job")) in notes(tmp_path, f"{text}run_on_start = true\n")
    web = f'[program.web]\n{SLEEP}depends_on = ["db"]\n'
    assert (3, "autostart", at_boot.format("web")) in notes(tmp_path, text + web)


def test_a_program_with_the_name_of_a_group_is_noted(tmp_path):
    """The program wins; a program in a group of its own is no doubt."""
    text = (
        f'[group.back]\nprograms = ["a", "b"]\n[program.a]\n{SLEEP}[program.b]\n{SLEEP}[program.web]\n{SLEEP}'
        'depends_on = ["back"]\n'
    )
    assert not [option for _, option, _ in notes(tmp_path, text) if option == "depends_on"]
    text = text.replace("program.b]", "program.back]").replace('"a", "b"', '"a", "back"')
    message = "back is the program of that name, and not the group: write back:* for the group"
    assert (9, "depends_on", message) in notes(tmp_path, text)


def test_a_file_without_dependencies_has_no_notes(tmp_path):
    """Nor has its output any."""
    assert notes(tmp_path, f"[program.db]\n{SLEEP}autostart = false\npriority = 3\n") == []


def test_notes_and_levels_are_printed(tmp_path, capsys):
    """A note is no warning, and the status is that of a good file."""
    file = tmp_path / "procman.toml"
    file.write_text(f'[program.db]\n{SLEEP}autostart = false\n[program.web]\n{SLEEP}depends_on = ["db"]\n')
    assert main(["check", "-c", str(file)]) == 0
    out = capsys.readouterr().out
    assert f"{file}:3: [program.db] autostart: it starts with the master all the same" in out
    assert "depends on it (note)\n" in out
    assert "  10 s  priority 999, level 1  web\n  10 s  priority 999, level 0  db\n" in out


def warnings_of_ports(folder, ready):
    """The messages about ports for a program with that condition."""
    file = folder / "procman.toml"
    file.write_text(f'[program.web]\n{SLEEP}ready = "{ready}"\n')
    return [one.message for one in read(str(file), environ={}, places=True).problems if one.slug == "port-in-use"]


@pytest.mark.parametrize("ready", ["tcp:{}", "tcp:localhost:{}", "http://127.0.0.1:{}/up"])
def test_devenv_2586_readiness_on_a_port_that_another_process_holds_is_told(tmp_path, ready):
    """An old instance would be taken for the new one; listen: is not fooled, and not told of."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        (message,) = warnings_of_ports(tmp_path, ready.format(port))
        assert f"holds port {port} now" in message
        assert f"write listen:{port}, which only this program can fulfil" in message
        assert warnings_of_ports(tmp_path, f"listen:{port}") == []
        assert warnings_of_ports(tmp_path, f"tcp:192.0.2.1:{port}") == []
    assert warnings_of_ports(tmp_path, ready.format(port)) == []
