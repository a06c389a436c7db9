"""The difference between two configurations, by group and by process, and its effect."""

from procman.config.diff import diff
from procman.config.load import load
from procman.config.schema.options import Effect


def config(tmp_path, text):
    path = tmp_path / "procman.toml"
    path.write_text(text)
    return load(str(path), environ={})


WEB = '[program.web]\ncommand = "web"\n'


def test_the_same_file_twice_differs_in_nothing(tmp_path):
    """AUTO logs are equal to AUTO logs."""
    changes = diff(config(tmp_path, WEB), config(tmp_path, "# a comment\n" + WEB))
    assert not changes


def test_groups_are_added_and_removed_by_name(tmp_path):
    """They are in the order of their configuration."""
    old = config(tmp_path, WEB + '[program.old]\ncommand="o"\n')
    new = config(tmp_path, WEB + '[program.b]\ncommand="b"\n[program.a]\ncommand="a"\n')
    changes = diff(old, new)
    assert [group.name for group in changes.added] == ["a", "b"]
    assert changes.removed == ("old",)
    assert changes.changed == ()


def only_change(tmp_path, more):
    changes = diff(config(tmp_path, WEB), config(tmp_path, WEB + more))
    [group] = changes.changed
    [change] = group.programs_changed
    return change


def test_a_policy_is_changed_in_place(tmp_path):
    """No process is stopped."""
    change = only_change(tmp_path, "stopwaitsecs = 3\nexitcodes = [0, 2]\n")
    assert (change.options, change.effect) == (("stopwaitsecs", "exitcodes"), Effect.NONE)


def test_a_log_is_reopened(tmp_path):
    """The effect is between a change in place and a restart."""
    change = only_change(tmp_path, 'startsecs = 3\nstdout_logfile_maxbytes = "1MB"\n')
    assert (change.options, change.effect) == (("startsecs", "stdout_logfile_maxbytes"), Effect.REOPEN)


def test_the_environment_of_the_master_restarts_its_programs(tmp_path):
    """It is part of their environment."""
    change = only_change(tmp_path, "[procman.environment]\nA = 1\n")
    assert (change.options, change.effect) == (("environment",), Effect.RESTART)


def test_more_processes_leave_the_others_alone(tmp_path):
    """Only the new ones are added."""
    text = WEB + "numprocs = {}\nprocess_name = '%(process_num)d'\n"
    [group] = diff(config(tmp_path, text.format(2)), config(tmp_path, text.format(3))).changed
    assert [program.name for program in group.programs_added] == ["2"]
    assert group.programs_changed == ()
    [group] = diff(config(tmp_path, text.format(3)), config(tmp_path, text.format(2))).changed
    assert [program.name for program in group.programs_removed] == ["2"]


def test_options_of_a_group_are_told_apart(tmp_path):
    """A priority is applied in place; other events restart the listeners."""
    text = '[eventlistener.l]\ncommand = "l"\nevents = ["{}"]\npriority = {}\n'
    [group] = diff(config(tmp_path, text.format("TICK_5", 1)), config(tmp_path, text.format("TICK_60", 1))).changed
    assert (group.options, group.effect) == (("events",), Effect.RESTART)
    [group] = diff(config(tmp_path, text.format("TICK_5", 1)), config(tmp_path, text.format("TICK_5", 2))).changed
    assert (group.options, group.effect) == (("priority",), Effect.NONE)
    assert group.programs_changed[0].options == ("priority",)


def test_another_socket_restarts_all(tmp_path):
    """Every process of a FastCGI program has it open."""
    text = '[fcgi-program.f]\ncommand = "f"\nsocket = "tcp://localhost:{}"\n'
    [group] = diff(config(tmp_path, text.format(1)), config(tmp_path, text.format(2))).changed
    assert (group.options, group.effect) == (("socket",), Effect.RESTART)


def test_a_program_that_becomes_a_listener_is_replaced(tmp_path):
    """Only the name of the group stays."""
    new = config(tmp_path, '[eventlistener.web]\ncommand = "web"\nevents = ["EVENT"]\n')
    [group] = diff(config(tmp_path, WEB), new).changed
    assert (group.options, group.effect) == (("kind",), Effect.RESTART)
