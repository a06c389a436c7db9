"""What a file may say of watched files, and what is said of mistakes in it."""

import pytest

from procman.config.checks import watch as checks
from procman.config.load import load, read
from procman.config.problems import ConfigError
from procman.config.resolve import watch as resolve
from procman.core.spec import WatchAction
from procman.system.mounts import Mount


def write(folder, *lines, master=""):
    path = folder / "p.conf"
    path.write_text("\n".join(["[supervisord]", master, "[program:web]", "command=/bin/true", *lines, ""]))
    return str(path)


def web(folder, *lines):
    return load(write(folder, *lines)).groups[0].programs[0]


def problems(folder, *lines, places=False, master=""):
    found = read(write(folder, *lines, master=master), places=places).problems
    return [(one.option, one.severity, one.message) for one in found if (one.option or "").startswith("watch")]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("restart", WatchAction()),
        ("signal:HUP", WatchAction("signal", signal=1)),
        ("exec: make 'all of it'", WatchAction("exec", command="make 'all of it'")),
    ],
)
def test_the_options_are_read(text, action, tmp_path):
    """Lists by commas, durations with units."""
    program = web(tmp_path, "watch=src/**/*.py, conf/ ,@env", "env_file=a", f"watch_action={text}", "watch_debounce=1s")
    assert program.watch == ("src/**/*.py", "conf/", "@env")
    assert (program.watch_action, program.watch_debounce, program.config_files) == (action, 1, ())


def test_the_files_of_the_program_itself_are_found(tmp_path):
    """The main file alone, or the included one that it is in."""
    assert web(tmp_path, "watch=@config").config_files == (str(tmp_path / "p.conf"),)
    (tmp_path / "web.ini").write_text("[program:inner]\ncommand=x\nwatch=@config\n")
    main = tmp_path / "main.conf"
    main.write_text(f"[supervisord]\n[include]\nfiles={tmp_path}/web.ini\n")
    assert load(str(main)).groups[0].programs[0].config_files == (str(tmp_path / "web.ini"),)


@pytest.mark.parametrize(
    ("lines", "option", "words"),
    [
        (["watch=a,,b"], "watch", "there is an empty item"),
        (["watch=@confg"], "watch", "there is no @confg; did you mean @config?"),
        (["watch=a", "watch_ignore=@env"], "watch_ignore", "@env stands for files only in watch"),
        (["watch=a", "watch_action=restrat"], "watch_action", "did you mean restart?"),
        (["watch=a", "watch_action=signal"], "watch_action", "signal needs a signal, such as signal:HUP"),
        (["watch=a", "watch_action=exec:"], "watch_action", "exec needs a command"),
        (["watch=a", "watch_action=exec:'x"], "watch_action", "cannot be split into words"),
        (["watch=a", "watch_action=reload"], "watch_action", "there is no option reload that says how"),
        (["watch=a", "watch_debounce=0"], "watch_debounce", "expected a duration above 0"),
        (["watch=a", "schedule=@daily"], "watch", "runs at its times, and not when files change"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(lines, option, words, tmp_path):
    """The file is refused."""
    (found,) = [one for one in problems(tmp_path, *lines) if one[1] == "error"]
    assert found[0] == option
    assert words in found[2]


@pytest.mark.parametrize(
    ("lines", "option", "words"),
    [
        (["watch_debounce=1s"], "watch_debounce", "no effect without watch"),
        (["watch=@env"], "watch", "@env stands for nothing"),
        (["watch=a", "watch_cascade=true", "watch_action=signal:HUP"], "watch_cascade", "nothing is restarted"),
    ],
)
def test_what_has_no_effect_is_said(lines, option, words, tmp_path):
    """It is a warning."""
    (found,) = problems(tmp_path, *lines)
    assert found[:2] == (option, "warning")
    assert words in found[2]


def test_without_the_library_nothing_is_watched_and_that_is_an_error(tmp_path, monkeypatch):
    """With the command that installs it; a master that watches nothing needs none."""
    monkeypatch.setattr(resolve, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'procman\[watch\]'.*--no-watch"):
        load(write(tmp_path, "watch=a"))
    assert load(write(tmp_path, "watch=a"), overrides={"no_watch": "true"}).master.no_watch
    assert load(write(tmp_path))


@pytest.mark.parametrize("kind", ["nfs4", "fuse.sshfs", "9p"])
def test_a_file_system_on_which_changes_are_not_seen_is_named(kind, tmp_path, monkeypatch):
    """What others change there, the kernel does not hear of."""
    monkeypatch.setattr(
        checks, "mounts", lambda: [Mount("/", "/", "ext4", "rw"), Mount("/", str(tmp_path), kind, "rw")]
    )
    (found,) = problems(tmp_path, f"directory={tmp_path}", "watch=.", places=True)
    assert f"on a file system of type {kind}" in found[2]


def test_what_is_not_there_and_what_procman_writes_is_named(tmp_path):
    """Both are watched for nothing, so far."""
    log = tmp_path / "web.log"
    log.touch()
    lines = [f"directory={tmp_path}", f"watch=src/, {log}", f"stdout_logfile={log}"]
    words = [message for _, _, message in problems(tmp_path, *lines, places=True)]
    assert words == [
        f"src/: there is no {tmp_path}/src yet; it is watched as soon as it is there",
        f"{log} is written by procman itself, so its changes do not count: take it out",
    ]
