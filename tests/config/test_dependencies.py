"""`depends_on` in both forms: what it means, and what is refused, with the place and the way out."""

import pytest

from procman.config.load import read
from procman.core.spec import ReadyKind

PROGRAM = "[program:{}]\ncommand = sleep 1\n"


def ini(folder, *programs: tuple[str, str], more: str = ""):
    """The file with these programs and their further lines, as it was read."""
    sections = "".join(PROGRAM.format(name) + lines + "\n" for name, lines in programs)
    file = folder / "supervisord.conf"
    file.write_text(f"[supervisord]\n{sections}{more}")
    return read(str(file), environ={})


def problems(loaded) -> list[str]:
    return [problem.message for problem in loaded.problems if problem.option == "depends_on"]


def edges(loaded, name: str) -> list[tuple]:
    programs = {program.namespec: program for group in loaded.config.groups for program in group.programs}
    return [(str(edge), edge.processes) for edge in programs[name].depends_on]


def test_a_name_is_a_program_a_group_or_a_process(tmp_path):
    """A program's name is all its processes; without a condition it is done for one-shots, else ready."""
    loaded = ini(
        tmp_path,
        ("db", "numprocs=2\nprocess_name=%(program_name)s_%(process_num)d"),
        ("migrate", "type=oneshot"),
        ("a", ""),
        ("b", ""),
        ("web", "depends_on = db, migrate, back:*@started, back:a@exited?, back, b@running"),
        more="[group:back]\nprograms=a,b\n",
    )
    assert edges(loaded, "web") == [
        ("db@ready", ("db:db_0", "db:db_1")),
        ("migrate@done", ("migrate",)),
        ("back:*@started", ("back:a", "back:b")),
        ("back:a@exited?", ("back:a",)),
        ("back@ready", ("back:a", "back:b")),
        ("b@ready", ("back:b",)),
    ]


def test_toml_has_a_list(tmp_path):
    """Its other options are read in both forms, too."""
    file = tmp_path / "procman.toml"
    file.write_text(
        '[procman]\nstart_concurrency = 3\n[program.db]\ncommand = "sleep 1"\n[program.web]\ncommand = "sleep 1"\n'
        'depends_on = ["db@started?"]\ndepends_timeout = "2m"\non_dependency_restart = "signal:HUP"\n'
        'on_dependency_stop = "stop"\n'
    )
    loaded = read(str(file), environ={})
    assert edges(loaded, "web") == [("db@started?", ("db",))]
    web = next(group for group in loaded.config.groups if group.name == "web").programs[0]
    assert (web.depends_timeout, web.on_dependency_restart, web.on_dependency_stop) == (120, ("signal", 1), "stop")
    assert loaded.config.master.start_concurrency == 3


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ("depends_on = bd", "there is no program or group 'bd'; did you mean db?"),
        ("depends_on = db:running", "there is no program or group 'db:running': write db@running"),
        ("depends_on = db@done", "db@done: db is no one-shot"),
        ("depends_on = db@healthy", "db has no health check: set health there, or say ready"),
        ("depends_on = db@redy", "did you mean ready?"),
        ("depends_on = web", "web: web cannot depend on itself"),
        ("depends_on = db,,x", "there is an empty name"),
        ("depends_on = back:*", "back:*: back is itself in the group back"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(tmp_path, lines, complaint):
    """There is no configuration then."""
    name = "back" if "back" in lines else "web"
    more = "[group:back]\nprograms=back,side\n" if name == "back" else ""
    loaded = ini(tmp_path, ("db", ""), ("side", ""), (name, lines), more=more)
    assert loaded.config is None
    assert complaint in " ".join(problem.message for problem in loaded.problems)


def test_an_optional_name_that_is_unknown_is_a_warning(tmp_path):
    """The edge is left out."""
    loaded = ini(tmp_path, ("web", "depends_on = nothing?"))
    assert edges(loaded, "web") == []
    assert [problem.severity for problem in loaded.problems if problem.option == "depends_on"] == ["warning"]


def test_a_listener_depends_on_nothing(tmp_path):
    """It is to hear of the starts of all others."""
    loaded = ini(tmp_path, ("db", ""), more="[eventlistener:ear]\ncommand=sleep 1\nevents=TICK_5\ndepends_on=db\n")
    assert loaded.config is None
    assert "an event listener cannot depend on a program" in problems(loaded)[0]


def test_a_circle_is_one_complaint_with_all_its_places(tmp_path):
    """It may go through a group, and through optional edges."""
    loaded = ini(
        tmp_path,
        ("web", "depends_on = db"),
        ("db", "depends_on = back:*"),
        ("cache", "depends_on = web?"),
        ("other", "depends_on = web"),
        more="[group:back]\nprograms=cache\n",
    )
    assert loaded.config is None
    assert problems(loaded) == ["web → db → cache → web depend on each other (lines 4, 7, 10): take one of them out"]


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("depends_timeout=5", "depends_on"),
        ("on_dependency_restart=restart", "depends_on"),
        ("on_dependency_stop=stop", "depends_on"),
        ("backoff_factor=3", "backoff"),
        ("backoff_jitter=3", "backoff"),
        ("on_restart_limit=shutdown", "restart_limit"),
    ],
)
def test_what_has_no_effect_is_said_by_check(tmp_path, line, needed):
    """Once for all processes of a section, and not where it may be meant for other sections."""
    file = tmp_path / "supervisord.conf"
    program = PROGRAM.format("web") + "numprocs=2\nprocess_name=%(process_num)d\n"
    file.write_text(f"[supervisord]\n{program}{line}\n")
    option = line.partition("=")[0]
    (problem,) = [one for one in read(str(file), environ={}, places=True).problems if one.option == option]
    words = f"it has no effect without {needed}: add {needed} = …, or take it out"
    assert (problem.message, problem.line, problem.severity) == (words, 6, "warning")
    file.write_text(f"[supervisord]\n[program-default]\n{line}\n{program}")
    assert not [one for one in read(str(file), environ={}, places=True).problems if one.option == option]


EAR = "[eventlistener:ear]\ncommand = sleep 1\nevents = TICK_5\nnumprocs = 2\nprocess_name = ear_%(process_num)d\n"


def ears(loaded) -> list[tuple]:
    group = next(group for group in loaded.config.groups if group.name == "ear")
    return [([one.kind for one in program.ready], program.start_timeout) for program in group.programs]


@pytest.mark.parametrize(
    ("edge", "option", "expected"),
    [
        ("ear", "", [([ReadyKind.LISTENER], 60)] * 2),
        ("ear:ear_1?", "", [([], None), ([ReadyKind.LISTENER], 60)]),
        ("ear", "start_timeout = 5s", [([ReadyKind.LISTENER], 5)] * 2),
        ("ear", "start_timeout = none", [([ReadyKind.LISTENER], None)] * 2),
        ("ear@started", "", [([], None)] * 2),
        ("db", "", [([], None)] * 2),
    ],
)
def test_a_listener_that_is_needed_ready_has_a_condition_for_that(tmp_path, edge, option, expected):
    """Its option ready is refused, and nothing else of it changes."""
    loaded = ini(tmp_path, ("db", ""), ("web", f"depends_on = {edge}"), more=f"{EAR}{option}\n")
    assert ears(loaded) == expected
    assert [problem.message for problem in loaded.problems] == []
    assert {program.startsecs for group in loaded.config.groups for program in group.programs} == {1}


def test_a_listener_that_would_be_ready_too_late_is_refused_once(tmp_path):
    """As with ready."""
    loaded = ini(tmp_path, ("web", "depends_on = ear"), more=f"{EAR}startsecs = 60\n")
    [problem] = loaded.problems
    assert (problem.section, problem.option) == ("eventlistener:ear", "startsecs")
    assert problem.message.startswith("it takes 1m until it can be ready, and start_timeout is 1m: raise start_timeout")
