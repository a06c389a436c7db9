"""A Procfile as a configuration: `procman -f Procfile`, and everything that takes -c."""

import pytest

from procman.config.load import load, read
from procman.core.spec import Scope


def loaded(tmp_path, text, *, name="Procfile", **environ):
    path = tmp_path / name
    path.write_text(text)
    return load(str(path), environ={"PATH": "/bin", **environ})


def programs(config):
    return {program.namespec: program for group in config.groups for program in group.programs}


def test_each_line_is_a_program_that_a_shell_runs(tmp_path):
    """It runs beside the file, with a port of its own, is started again, and is stopped with its group in 5 s."""
    found = programs(loaded(tmp_path, "# a comment\nweb: ./serve -p $PORT --rate 5%\n\njob: ./job\n"))
    web, job = found["web"], found["job"]
    assert web.command == "sh -c 'exec ./serve -p $PORT --rate 5%'"
    assert (web.environment["PORT"], job.environment["PORT"]) == ("5000", "5100")
    assert (web.directory, web.stop_scope, web.stopwaitsecs) == (str(tmp_path), Scope.GROUP, 5)
    assert (web.autorestart.name, web.stdout_logfile, web.stderr_logfile) == ("ALWAYS", "/dev/stdout", "/dev/stderr")


def test_the_master_logs_to_the_console_with_names(tmp_path):
    """As foreman and honcho print them; nothing is written beside the Procfile."""
    master = loaded(tmp_path, "web: ./serve\n").master
    assert (master.log_format, master.logfile) == ("prefix", "/dev/stdout")
    assert not master.pidfile.startswith(str(tmp_path))


def test_the_formation_says_how_many_run(tmp_path):
    """They are web.1, web.2 in the group web, and their ports follow each other; 0 leaves a line out."""
    text = "web: ./serve\nworker: ./work\nclock: ./tick\n"
    found = programs(loaded(tmp_path, text, PROCMAN_FORMATION="web=2,clock=0"))
    assert {name: program.environment["PORT"] for name, program in found.items()} == {
        "worker": "5100",
        "web:web.1": "5000",
        "web:web.2": "5001",
    }
    assert set(programs(loaded(tmp_path, text, PROCMAN_FORMATION="all=0,web=1"))) == {"web"}


def test_dotenv_is_read_before_each_start_and_gives_the_first_port(tmp_path):
    """A file that is not there is no error."""
    (tmp_path / ".env").write_text("PORT=7000\nA=1\n")
    found = programs(loaded(tmp_path, "web: ./serve\njob: ./job\n"))
    assert (found["web"].environment["PORT"], found["job"].environment["PORT"]) == ("7000", "7100")
    assert found["web"].env_file[0].endswith(".env")
    assert found["web"].env_file[0].startswith("?")


def test_a_release_is_done_before_the_others_start(tmp_path):
    """It is a one-shot, and the others depend on it."""
    found = programs(loaded(tmp_path, "release: ./migrate\nweb: ./serve\n"))
    assert found["release"].is_oneshot
    assert [str(edge) for edge in found["web"].depends_on] == ["release@done"]


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("./serve 'a;b' \"c|d\"", "exec ./serve 'a;b' \"c|d\""),
        ("A=1 B='x y' ./serve", "exec env A=1 B='x y' ./serve"),
        ("exec ./serve", "exec ./serve"),
        ("cd x && ./serve", "cd x && ./serve"),
        ("./a | ./b", "./a | ./b"),
        ("export A=1; ./serve", "export A=1; ./serve"),
        ("./serve > out.log 2>&1", "./serve > out.log 2>&1"),
    ],
)
def test_the_shell_is_replaced_by_a_single_command(tmp_path, line, command):
    """Then signals reach the program itself; a list, a pipe or a word of the shell stays with the shell."""
    from procman.system.shell_split import split_words

    (web,) = programs(loaded(tmp_path, f"web: {line}\n")).values()
    assert split_words(web.command) == ["sh", "-c", command]


def test_what_is_no_line_is_reported_with_its_place(tmp_path):
    """It is a warning, as foreman ignores it; a file without a line is an error, and so is a wrong formation."""
    path = tmp_path / "Procfile.dev"
    path.write_text("web: ./serve\nnonsense\nweb: ./other\n")
    loaded = read(str(path))
    assert [(problem.line, problem.severity) for problem in loaded.problems] == [(2, "warning"), (3, "warning")]
    assert programs(loaded.config)["web"].command == "sh -c 'exec ./other'"
    path.write_text("nonsense\n")
    assert read(str(path)).config is None
    path.write_text("web: ./serve\n")
    (problem,) = read(str(path), environ={"PROCMAN_FORMATION": "wen=2"}).problems
    assert "there is no wen in the Procfile; did you mean web?" in str(problem)
