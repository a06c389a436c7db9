"""Which master procmanctl connects to, and what it takes from the configuration file."""

import contextlib
import os
import socket
import tempfile
from pathlib import Path

import pytest

from procman.client import address, file_options, included_files
from procman.config import discovery, runtime_dir
from procman.config.runtime_dir import default_socket, own_sockets
from procman.errors import BadRequest
from procman.system import blocking, file_trust
from tests.support.fake_master import FakeMaster


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


@contextlib.contextmanager
def listening(path):
    """A socket with a listener."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield


@pytest.fixture
def runtime(monkeypatch):
    """A run-time directory with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="pm") as folder:
        monkeypatch.setattr(runtime_dir, "runtime_dirs", lambda *_: [folder])
        yield Path(folder)


def test_the_ctl_section_says_the_url_the_credentials_and_the_shell(tmp_path, monkeypatch):
    """%(here)s and %(ENV_X)s are expanded and comments removed, as in supervisor."""
    monkeypatch.setenv("SECRET", "p%w")
    file = write(
        tmp_path / "supervisord.conf",
        "[supervisorctl]\nserverurl = unix://%(here)s/run/x.sock ; the socket\nusername=me\n"
        "password=%(ENV_SECRET)s\nprompt=mine\nhistory_file=%(here)s/history\n",
    )
    found = address.find(config_file=file, environ={})
    assert found.url == f"unix://{tmp_path}/run/x.sock"
    assert (found.username, found.password, found.prompt) == ("me", "p%w", "mine")
    assert found.history_file == f"{tmp_path}/history"


def test_a_writable_file_that_was_only_found_sets_no_history(tmp_path, monkeypatch):
    """Such a file in /tmp could make the client overwrite a file of its user; a file that was named is trusted."""
    file = write(tmp_path / "supervisord.conf", "[supervisorctl]\nserverurl=unix:///s\nhistory_file=history\n")
    monkeypatch.chdir(tmp_path)
    assert address.find(environ={}).history_file == f"{tmp_path}/history"
    tmp_path.chmod(0o777)
    found = address.find(environ={})
    assert (found.url, found.history_file) == ("unix:///s", None)
    assert address.find(config_file=file, environ={}).history_file == f"{tmp_path}/history"


def test_without_a_url_the_servers_own_section_tells(tmp_path):
    """The unix socket comes before TCP; the server's login is used unless the file has only a hash."""
    text = "[inet_http_server]\nport=*:9001\n[unix_http_server]\nfile=%(here)s/s.sock\nusername=u\npassword=p\n"
    found = address.find(config_file=write(tmp_path / "a.conf", text), environ={})
    assert (found.url, found.username, found.password) == (f"unix://{tmp_path}/s.sock", "u", "p")
    text = "[unix_http_server]\nfile=/s.sock\nusername=u\npassword={SHA}abc\n"
    found = address.find(config_file=write(tmp_path / "b.conf", text), environ={})
    assert (found.url, found.username, found.password) == ("unix:///s.sock", None, None)


@pytest.mark.parametrize(
    ("port", "url"),
    [
        ("9001", "http://localhost:9001"),
        ("*:9001", "http://localhost:9001"),
        (":9001", "http://localhost:9001"),
        ("0.0.0.0:9001", "http://localhost:9001"),
        ("10.0.0.7:9001", "http://10.0.0.7:9001"),
        ("[::]:9001", "http://localhost:9001"),
        ("[::1]:9001", "http://[::1]:9001"),
    ],
)
def test_a_tcp_server_is_reached_over_loopback_unless_it_names_a_host(tmp_path, port, url):
    """A server on every interface is on loopback too."""
    file = write(tmp_path / "a.conf", f"[inet_http_server]\nport={port}\n")
    assert address.find(config_file=file, environ={}).url == url


def test_toml_says_the_same(tmp_path):
    """[procmanctl], [unix_http_server], and servers with names work as in INI."""
    file = write(tmp_path / "a.toml", '[procmanctl]\nserverurl = "http://h:1"\nprompt = "x"\n')
    found = address.find(config_file=file, environ={})
    assert (found.url, found.prompt) == ("http://h:1", "x")
    file = write(tmp_path / "b.toml", '[unix_http_server]\nfile = "%(here)s/b.sock"\n[program.web]\ncommand = "x"\n')
    assert address.find(config_file=file, environ={}).url == f"unix://{tmp_path}/b.sock"
    file = write(tmp_path / "c.toml", "[inet_http_server.main]\nport = 9001\n")
    assert address.find(config_file=file, environ={}).url == "http://localhost:9001"


def test_a_file_without_a_server_leads_to_the_socket_the_master_derives_from_it(tmp_path):
    """Master and client derive the same socket from the path of the file."""
    file = write(tmp_path / "procman.toml", '[program.web]\ncommand = "x"\n')
    assert address.find(config_file=file, environ={}).url == f"unix://{default_socket(file)}"


def test_a_derived_socket_is_looked_for_where_it_is(tmp_path, monkeypatch):
    """A master started without this user's XDG_RUNTIME_DIR has its socket in another directory."""
    folders = [str(tmp_path / "mine"), str(tmp_path / "system")]
    monkeypatch.setattr(runtime_dir, "runtime_dirs", lambda *_: folders)
    file = write(tmp_path / "procman.toml", "")
    there = runtime_dir.default_sockets(file)[1]
    write(tmp_path / "system" / os.path.basename(there), "")
    assert address.find(config_file=file, environ={}).url == f"unix://{there}"


def test_the_masters_own_socket_wins_over_its_port(tmp_path, monkeypatch):
    """The port needs a password, of which the file may have only a hash."""
    monkeypatch.setattr(runtime_dir, "runtime_dirs", lambda *_: [str(tmp_path / "mine")])
    server = "[inet_http_server]\nport=9001\nusername=me\npassword={SHA}e5e9fa1ba31ecd1ae84f75caaa474f3a663f05f4\n"
    file = write(tmp_path / "a.conf", server)
    assert address.find(config_file=file, environ={}).url == "http://localhost:9001"
    write(Path(runtime_dir.default_socket(file)), "")
    assert address.find(config_file=file, environ={}).url == f"unix://{runtime_dir.default_socket(file)}"


def test_an_included_file_may_hold_the_server(tmp_path):
    """%(here)s there is its own directory, and a file that includes itself is read once."""
    file = write(tmp_path / "a.conf", "[include]\nfiles = conf.d/*.conf a.conf nothing/*.conf\n")
    write(tmp_path / "conf.d" / "s.conf", "[unix_http_server]\nfile=%(here)s/s.sock\n")
    assert address.find(config_file=file, environ={}).url == f"unix://{tmp_path}/conf.d/s.sock"


def test_a_file_with_a_wrong_line_still_leads_to_its_master(tmp_path):
    """The file may be edited while the master runs; only the master reports its mistakes."""
    file = write(tmp_path / "a.conf", "[supervisorctl]\nserverurl=http://h:1\n[program:x]\nthis is no option\n")
    assert address.find(config_file=file, environ={}).url == "http://h:1"


def test_a_hanging_included_file_does_not_hide_the_master(tmp_path, monkeypatch, capsys):
    """A pipe without a writer stands for a hanging disk; files read before it are ignored as well."""
    monkeypatch.setattr(included_files, "PATIENCE", 0.01)
    file = write(tmp_path / "a.conf", "[include]\nfiles = conf.d/*\n[unix_http_server]\nfile=/a.sock\n")
    write(tmp_path / "conf.d/1.conf", "[unix_http_server]\nfile=/b.sock\n")
    os.mkfifo(tmp_path / "conf.d/2.conf")
    assert address.find(config_file=file, environ={}).url == "unix:///a.sock"
    assert capsys.readouterr().err == (f"Warning: timed out reading the files included by {file}; ignoring them\n")
    with open(tmp_path / "conf.d/2.conf", "w"):
        pass
    while blocking._hanging:
        os.sched_yield()


@pytest.mark.parametrize(("name", "text"), [("b.conf", "[program:x\ncommand=cat\n"), ("b.toml", "= nonsense")])
def test_a_broken_included_file_does_not_hide_the_master(tmp_path, name, text):
    """As with supervisorctl, a half-written file in conf.d does not prevent a stop."""
    file = write(tmp_path / "a.conf", "[include]\nfiles = conf.d/*\n[unix_http_server]\nfile=/a.sock\n")
    write(tmp_path / "conf.d" / name, text)
    (tmp_path / "conf.d" / "folder").mkdir()
    write(tmp_path / "conf.d" / "z.conf", "[supervisorctl]\nprompt=z\n")
    found = address.find(config_file=file, environ={})
    assert (found.url, found.prompt) == ("unix:///a.sock", "z")


@pytest.mark.parametrize("broken", ["[unix_http_server", None], ids=["cannot be parsed", "is not there any more"])
@pytest.mark.parametrize("named", [True, False], ids=["-c", "found"])
def test_a_master_is_found_whatever_has_become_of_its_file(runtime, monkeypatch, broken, named):
    """The path of the file leads to its socket, or to a link to it; the mistake is reported only when needed."""
    file = Path("procman.toml")
    if broken is not None:
        file.write_text(broken)
    elif not named:
        monkeypatch.setattr(discovery, "find_config", lambda: "procman.toml")  # it goes between this and being opened
    with listening(Path(runtime_dir.default_socket("procman.toml"))):
        found = address.find(config_file="procman.toml" if named else None, environ={})
        live = address.find(config_file="procman.toml" if named else None, live=True, environ={})
    assert found.url == live.url == f"unix://{runtime_dir.default_socket('procman.toml')}"
    assert "could not" in found.unreadable
    assert not live.unreadable


def test_a_file_that_names_another_socket_by_now_leads_to_its_master(runtime, tmp_path):
    """Until it rereads the file, the master listens on the old socket."""
    file = write(tmp_path / "a.conf", "[unix_http_server]\nfile=/nowhere/new.sock\n")
    assert address.find(config_file=file, environ={}).url == "unix:///nowhere/new.sock"
    with listening(Path(default_socket(file))):
        assert address.find(config_file=file, environ={}).url == f"unix://{default_socket(file)}"


def test_a_link_to_the_file_may_be_turned_elsewhere(runtime, tmp_path):
    """The path that the master was given leads to it, even after Kubernetes has replaced a ConfigMap."""
    for version in "12":
        write(tmp_path / version / "a.toml", "")
    file = tmp_path / "a.toml"
    file.symlink_to("1/a.toml")
    paths = [Path(path) for path in own_sockets(str(file))]
    assert len(paths) == 2
    paths[1].symlink_to(paths[0])
    with listening(paths[0]):
        file.unlink()
        file.symlink_to("2/a.toml")
        assert address.find(config_file=str(file), environ={}).url == f"unix://{paths[1]}"


@pytest.mark.parametrize("live", [True, False])
def test_liveness_does_not_read_the_file(runtime, tmp_path, monkeypatch, live):
    """The disk of the file may hang."""
    file = write(tmp_path / "a.toml", "")
    read = []
    monkeypatch.setattr(file_options, "read", lambda path: read.append(path) or {})
    with listening(Path(default_socket(file))):
        assert address.find(config_file=file, live=live, environ={}).url == f"unix://{default_socket(file)}"
    assert read == ([] if live else [file])


def test_pid_1_is_asked_rather_than_a_master_that_does_not_run(runtime, tmp_path, monkeypatch):
    """In a container the current directory may have any file; a file whose master runs is preferred."""
    Path("supervisord.conf").write_text("[unix_http_server]\nfile=/nowhere/s.sock\n")
    with listening(runtime / "other.sock"), listening(runtime / "own.sock"):
        assert address.find(environ={}).url == "unix:///nowhere/s.sock"
        pids = {f"{runtime}/other.sock": 7, f"{runtime}/own.sock": 1}
        monkeypatch.setattr(address, "who_listens", pids.get)
        for live in (False, True):
            assert address.find(environ={}, live=live).url == f"unix://{runtime}/own.sock"
            assert address.find(environ={"PROCMAN_SERVER_URL": "unix:///x"}, live=live).url == "unix:///x"
        pids[runtime_dir.default_socket("supervisord.conf")] = 7
        with listening(Path(runtime_dir.default_socket("supervisord.conf"))):
            expected = f"unix://{runtime_dir.default_socket('supervisord.conf')}"
            assert address.find(environ={}).url == address.find(environ={}, live=True).url == expected


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """The message has the reason."""
    for url in (None, "unix:///s"):
        with pytest.raises(BadRequest, match="could not find config file /none"):
            address.find(config_file="/none", url=url, environ={})
    for name, text in (("a.toml", "= nonsense"), ("a.conf", "no section\n")):
        file = write(tmp_path / name, text)
        with pytest.raises(BadRequest, match=f"could not read config file {file}: "):
            address.find(config_file=file, environ={})


def test_what_is_on_the_command_line_wins(tmp_path):
    """-s overrides the file's URL, -u and -p its credentials; the file's prompt remains."""
    file = write(tmp_path / "a.conf", "[supervisorctl]\nserverurl=http://h:1\nusername=a\npassword=b\nprompt=x\n")
    found = address.find(url="http://other:2", config_file=file, username="c", password="d", environ={})
    assert (found.url, found.username, found.password, found.prompt) == ("http://other:2", "c", "d", "x")


def test_a_program_reaches_its_own_master_by_the_environment():
    """PROCMAN_SERVER_URL is for users, SUPERVISOR_SERVER_URL is set by the master."""
    environ = {"SUPERVISOR_SERVER_URL": "unix:///a"}
    assert address.find(environ=environ).url == "unix:///a"
    assert address.find(environ={**environ, "PROCMAN_SERVER_URL": "unix:///b"}).url == "unix:///b"


def test_a_file_that_was_named_wins_over_the_environment(tmp_path):
    """The environment is used only without flags."""
    file = write(tmp_path / "a.conf", "[supervisorctl]\nserverurl=http://h:1\n")
    assert address.find(config_file=file, environ={"PROCMAN_SERVER_URL": "unix:///b"}).url == "http://h:1"


def test_the_file_the_master_would_find_is_found(tmp_path):
    """The current directory is searched first."""
    write(tmp_path / "cwd" / "supervisord.conf", "[supervisorctl]\nserverurl=http://h:1\n")
    assert address.find(environ={}).url == "http://h:1"


@pytest.fixture
def folders(runtime, monkeypatch):
    """Only the tests' own run-time directory, and no configuration file of the machine."""
    monkeypatch.setattr(discovery, "SEARCH", ())
    return runtime


def test_the_only_socket_in_the_runtime_folder_is_taken(folders):
    """In a container, the file of the only master may be in an unusual place."""
    with listening(folders / "demo-1.sock"):
        assert address.find(environ={}).url == f"unix://{folders}/demo-1.sock"


def test_of_many_sockets_the_one_that_answers_is_taken(folders):
    """Killed masters leave sockets behind; a link to a socket is not a second master."""
    for number in range(18):
        with listening(folders / f"dead-{number}.sock"):
            pass
    (folders / "dangling.sock").symlink_to(folders / "nothing")
    assert address.find(environ={}).missing[1].startswith("no master answers there")
    with listening(folders / "live.sock"):
        (folders / "link.sock").symlink_to(folders / "live.sock")
        assert address.find(environ={}).url == f"unix://{folders}/link.sock"


def test_of_several_masters_the_user_chooses_by_their_files(folders):
    """The message lists the file of each master, or its socket if it does not tell the file."""
    fakes = [FakeMaster(str(folders / f"{name}.sock")) for name in "ab"]
    fakes[0].answers["GET", "/v1/master"] = {"config_file": "/srv/my shop/procman.toml"}
    fakes[1].password = ("user", "password")
    try:
        found = address.find(environ={})
    finally:
        for fake in fakes:
            fake.stop()
    assert found.url is None
    assert found.missing[1] == (
        f"2 masters run here, so select one: -c '/srv/my shop/procman.toml' or -s unix://{folders}/b.sock"
    )


def test_a_socket_in_another_users_directory_is_not_trusted(folders, monkeypatch):
    """Any user can make such a directory in /tmp; only root trusts that of the user of PID 1."""
    somebody_elses = os.stat_result((0o40700, 0, 0, 1, 12345, 0, 0, 0, 0, 0))
    with listening(folders / "a.sock"), monkeypatch.context() as patched:
        patched.setattr(os, "lstat", lambda *_, **__: somebody_elses)
        for trusted in ({0, 54321}, {0}):
            monkeypatch.setattr(file_trust, "trusted_owners", lambda trusted=trusted: trusted)
            assert address.find(environ={}).url is None
        monkeypatch.setattr(file_trust, "trusted_owners", lambda: {0, 12345})
        assert address.find(environ={}).url == f"unix://{folders}/a.sock"
