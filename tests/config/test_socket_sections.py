"""The socket sections, and what programs say of them, in both forms."""

import socket

import pytest

from procman.config.diff import diff
from procman.config.fingerprint import fingerprint
from procman.config.load import load, read
from procman.config.problems import ConfigError
from procman.config.schema.options import Effect
from procman.config.snapshot import read_config, write_config

INI = """\
[supervisord]
[socket:http]
listen = tcp://127.0.0.1:8080, unix:///run/web.sock
backlog = 4096
mode = 0660
hold = wanted
[program:web]
command = /bin/cat
sockets = http
lazy = true
idle_stop = 10m
"""
TOML = """\
[socket.http]
listen = ["tcp://127.0.0.1:8080", "unix:///run/web.sock"]
backlog = 4096
mode = "0660"
hold = "wanted"
[program.web]
command = "/bin/cat"
sockets = ["http"]
lazy = true
idle_stop = "10m"
"""


@pytest.fixture
def loaded(tmp_path):
    def load_text(text, name="x.conf"):
        file = tmp_path / name
        file.write_text(text)
        return load(str(file))

    return load_text


@pytest.fixture
def messages(tmp_path):
    """All that is said of a file, errors and warnings."""

    def messages_of(text):
        file = tmp_path / "x.conf"
        file.write_text("[supervisord]\n" + text)
        return [str(problem) for problem in read(str(file)).problems]

    return messages_of


def web(config):
    return config.groups[0].programs[0]


def test_both_forms_say_the_same(loaded):
    """INI has lists with commas, TOML arrays."""
    ini, toml = web(loaded(INI)), web(loaded(TOML, "x.toml"))
    assert ini.sockets == toml.sockets
    assert (ini.lazy, ini.idle_stop) == (toml.lazy, toml.idle_stop) == (True, 600)
    (held,) = ini.sockets
    assert held.listen == ("tcp://127.0.0.1:8080", "unix:///run/web.sock")
    assert (held.name, held.backlog, held.mode, held.hold, held.reuseport) == (
        "http",
        4096,
        0o660,
        "wanted",
        False,
    )


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("tcp://*:80", "tcp://*:80"),
        ("tcp://:80", "tcp://*:80"),
        ("tcp://LOCALHOST:80", "tcp://localhost:80"),
        ("tcp://[::1]:80", "tcp://[::1]:80"),
        ("unix:///run/a.sock", "unix:///run/a.sock"),
    ],
)
def test_an_address_has_one_form(loaded, written, url):
    """So that equal ones are found to be equal."""
    text = INI.replace("tcp://127.0.0.1:8080, unix:///run/web.sock", written).replace("mode", ";")
    (held,) = web(loaded(text)).sockets
    assert held.listen == (url,)


SECTION = "[socket:http]\nlisten=tcp://*:80\n"
PROGRAM = "[program:web]\ncommand=/bin/cat\nsockets=http\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[socket:http]\nlisten=8080\n" + PROGRAM, "did you mean tcp://*:8080?"),
        ("[socket:http]\nlisten=/run/x\n" + PROGRAM, "did you mean unix:///run/x?"),
        ("[socket:http]\nlisten=unix://x\n" + PROGRAM, "an absolute path, three slashes in all"),
        ("[socket:http]\nlisten=tcp://*:0\n" + PROGRAM, "expected a port from 1 to 65535"),
        ("[socket:http]\n" + PROGRAM, "listen"),
        ("[socket:http]\nlisten=tcp://*:80\nbacklog=0\n" + PROGRAM, "expected a number from 1 to 65535"),
        ("[socket:http]\nlisten=tcp://*:80\nmode=0600\n" + PROGRAM, "only a unix:// socket has a mode: take it out"),
        ("[socket:http]\nlisten=unix:///x\nreuseport=true\n" + PROGRAM, "only tcp:// sockets can share an address"),
        ("[socket:a:b]\nlisten=tcp://*:80\n", "cannot stand in LISTEN_FDNAMES"),
        (SECTION + PROGRAM.replace("=http", "=htp"), "there is no socket 'htp'; did you mean http?"),
        (SECTION + PROGRAM.replace("=http", "=other"), "add a section [socket:other], or take it out"),
        (SECTION, "no program uses it, so it is not opened: add sockets = http to a program, or take it out"),
        (SECTION + "[socket:b]\nlisten=tcp://*:80\n" + PROGRAM + "[program:c]\ncommand=/bin/cat\nsockets=b\n", "too"),
        ("[program:web]\ncommand=/bin/cat\nlazy=true\n", "no connection can start it, as it has no sockets"),
        (SECTION + PROGRAM + "idle_stop=1m\n", "add lazy = true, or take idle_stop out"),
        (SECTION + PROGRAM + "lazy=true\ntype=oneshot\n", "a one-shot does something and ends"),
        (
            SECTION + "[eventlistener:web]\ncommand=/bin/cat\nevents=TICK_5\nsockets=http\nlazy=true\n",
            "an event listener is told of events",
        ),
        (
            SECTION + "[fcgi-program:web]\ncommand=/bin/cat\nsocket=tcp://localhost:1\nsockets=http\n",
            "a FastCGI program has its socket as stdin",
        ),
    ],
)
def test_what_cannot_be_is_told_with_the_way_out(messages, text, message):
    """With file and line, as every complaint."""
    said = [line for line in messages(text) if message in line]
    assert said, messages(text)
    assert "x.conf:" in said[0]


def test_only_what_a_program_was_given_costs_a_restart(loaded):
    """Another address does; backlog, mode, hold, lazy and idle_stop are changed in place."""
    before = loaded(INI)
    in_place = INI.replace("4096", "7").replace("0660", "0600").replace("wanted", "always").replace("10m", "1m")
    (change,) = diff(before, loaded(in_place)).changed[0].programs_changed
    assert (change.options, change.effect) == (("sockets", "idle_stop"), Effect.NONE)
    (change,) = diff(before, loaded(INI.replace("8080", "8081"))).changed[0].programs_changed
    assert (change.options, change.effect) == (("sockets",), Effect.RESTART)
    assert fingerprint(web(before)) == fingerprint(web(loaded(in_place)))
    assert fingerprint(web(before)) != fingerprint(web(loaded(INI.replace("8080", "8081"))))


def test_a_configuration_goes_over_an_upgrade_with_its_sockets(loaded):
    """What was written is read as it was."""
    config = loaded(INI)
    assert read_config(write_config(config)).groups == config.groups


def test_a_bad_file_is_refused(loaded):
    """Nothing is opened for it."""
    with pytest.raises(ConfigError):
        loaded("[supervisord]\n[socket:http]\nlisten=8080\n" + PROGRAM)


def test_check_says_that_an_address_is_taken(tmp_path):
    """Before a start has to find out."""
    file = tmp_path / "x.conf"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        file.write_text(f"[supervisord]\n[socket:http]\nlisten=tcp://127.0.0.1:{port}\n{PROGRAM}")
        said = [str(problem) for problem in read(str(file), places=True).problems]
    assert [line for line in said if f"another program listens on 127.0.0.1:{port}" in line]


def test_a_descriptor_of_ready_is_none_of_the_sockets(messages):
    """The complaint says which number is free; that one is taken."""
    file = (
        "[socket:http]\nlisten=unix:///a, unix:///b\n[program:web]\ncommand=/bin/cat\nsockets=http\nready=fd:{}\n"
        "numprocs=2\nprocess_name=%(process_num)d\n"
    )
    (complaint,) = messages(file.format(4))
    assert complaint.endswith(
        "x.conf:7: [program:web] ready: its sockets are the descriptors 3 to 4: say fd:5, or fd alone"
    )
    assert messages(file.format(5)) == []


SHARED = """\
[supervisord]
[socket:http]
listen = tcp://127.0.0.1:8080, unix:///run/web.sock
[program:web]
command = /bin/cat
sockets = http
"""
MANY = "numprocs = 2\nprocess_name = w%(process_num)d\n"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "ready = listen:8080",
            "ready: listen:8080: procman holds that socket, which is open before the program works",
        ),
        ("ready = unix:/run/web.sock", "say notify, fd or http://… if it answers there"),
        (f"{MANY}health = tcp:8080", "health: tcp:8080: procman holds that socket"),
        (f"{MANY}ready = http://127.0.0.1:8080/", "ready: http://127.0.0.1:8080/: 2 processes take connections there"),
        (f"{MANY}ready = http+unix:///run/web.sock:/", "say notify, fd, exec: or an address of its own"),
        (f"{MANY}health = http://localhost:8080/", "another one may answer for this one"),
        ("ready = http://127.0.0.1:8080/", None),
        (f"{MANY}ready = http://127.0.0.1:81%(process_num)02d/, notify", None),
        (f"{MANY}ready = tcp:db.example:8080", None),
    ],
)
def test_a_look_at_a_held_socket_that_says_nothing_is_told(tmp_path, more, said):
    """The kernel takes connections before the program works, and another process may answer: a bad version passes."""
    file = tmp_path / "x.conf"
    file.write_text(f"{SHARED}{more}\n")
    problems = map(str, read(str(file), places=True).problems)
    found = [text for text in problems if "that socket" in text or "take connections" in text]
    assert len(found) == (said is not None)
    assert said is None or said in found[0]
