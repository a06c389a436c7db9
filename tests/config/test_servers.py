"""The servers of a file, their logins, and the mistakes in them."""

import pytest

from procman.config.load import load, read
from procman.config.report import report
from procman.config.schema.kinds.addresses import is_loopback

SHA = "{SHA}5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"


@pytest.fixture
def complaints(tmp_path):
    """(line, option, severity, message) of each problem of one section, whose lines begin at 3."""

    def complaints(*lines, section="inet_http_server", toml=False):
        path = tmp_path / ("f.toml" if toml else "f.conf")
        head = "[procman]" if toml else "[supervisord]"
        path.write_text("\n".join([head, f"[{section}]", *lines, ""]))
        found = read(str(path)).problems
        return [(problem.line, problem.option, problem.severity, problem.message) for problem in found]

    return complaints


@pytest.fixture
def server(tmp_path):
    """The server of an [inet_http_server] section."""

    def server(port, *more):
        path = tmp_path / "f.conf"
        path.write_text("\n".join(["[supervisord]", "[inet_http_server]", f"port={port}", *more, ""]))
        (found,) = load(str(path)).servers
        return found

    return server


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.3.4.5", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "localhost", "localhost.", "a.localhost"],
)
def test_loopback_is_told_by_what_is_written(host):
    """These are addresses that no other machine reaches, and the names that stand for them."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "*",
        "0.0.0.0",
        "::",
        "10.0.0.1",
        "128.0.0.1",
        "::2",
        "::ffff:10.0.0.1",
        "1::",
        "127.1",  # a resolver would take it for 127.0.0.1: it is not worth the doubt
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "mylocalhost",
        "box",  # /etc/hosts may well say 127.0.1.1: nothing is looked up
        "fe80::1%lo",
        "127.0.0.1\0",
    ],
)
def test_anything_else_is_not_loopback(host):
    """Other machines can, or might, reach these."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("port", "host", "number"),
    [
        ("9001", "", 9001),
        (":9001", "", 9001),
        ("*:9001", "", 9001),
        ("LocalHost:9001", "localhost", 9001),
        ("127.0.0.1:9001", "127.0.0.1", 9001),
        ("[::1]:9001", "::1", 9001),
        ("::1:9001", "::1", 9001),  # so does supervisor take it apart
        ("[::]:9001", "::", 9001),
        ("[FE80::1]:1", "fe80::1", 1),
    ],
)
def test_every_form_of_an_address_is_taken_apart(server, port, host, number):
    """Brackets are optional; supervisor does not know them, and could not listen there."""
    found = server(port, "allow_unauthenticated=true")
    assert (found.host, found.port) == (host, number)


@pytest.mark.parametrize(
    ("port", "url", "shown"),
    [
        ("9001", "http://localhost:9001", "*:9001"),
        ("box:9001", "http://box:9001", "box:9001"),
        ("[::1]:9001", "http://[::1]:9001", "[::1]:9001"),
    ],
)
def test_programs_are_told_a_url_that_is_one(tmp_path, server, port, url, shown):
    """An IPv6 address has brackets in the URL."""
    assert server(port, "allow_unauthenticated=true").shown == shown
    assert load(str(tmp_path / "f.conf")).serverurl == url


@pytest.mark.parametrize("toml", [False, True])
@pytest.mark.parametrize("port", ["*:9001", ":9001", "[::]:9001", "192.0.2.1:9001", "box:9001"])
def test_a_server_that_will_not_listen_is_warned_of(complaints, port, toml):
    """The ways out are a password, loopback, or explicit permission."""
    ((line, option, severity, message),) = complaints(f'port = "{port}"' if toml else f"port={port}", toml=toml)
    assert (line, option, severity) == (3, "port", "warning")
    assert message.startswith(f"the master will not listen on {port if port[0] != ':' else '*' + port}, because")
    for way_out in ("username = …", "port = 127.0.0.1:…", "allow_unauthenticated = true"):
        assert way_out in message


def test_check_reports_that_a_server_will_not_listen(tmp_path):
    """The JSON document has it as a problem; the file is good otherwise."""
    path = tmp_path / "f.conf"
    path.write_text("[supervisord]\n[inet_http_server]\nport=9001\n")
    found = report(str(path))
    assert found["ok"]
    (problem,) = found["problems"]
    assert (problem["line"], problem["class"], problem["severity"]) == (3, "unauthenticated", "warning")


@pytest.mark.parametrize("toml", [False, True])
@pytest.mark.parametrize(
    "lines",
    [
        ["port = 127.0.0.1:9001"],
        ["port = localhost:9001"],
        ["port = [::1]:9001"],
        ["port = *:9001", "username = me", "password = secret"],
        ["port = *:9001", "allow_unauthenticated = true"],
    ],
)
def test_a_server_that_will_listen_is_not_warned_of(complaints, lines, toml):
    """Servers on loopback, with a password or with explicit permission have no warning."""
    quoted = [line if line.endswith("true") else '{} = "{}"'.format(*line.split(" = ")) for line in lines]
    assert complaints(*(quoted if toml else lines), toml=toml) == []


FULL = ["username=me", "password=secret"]


@pytest.mark.parametrize("section", ["inet_http_server", "unix_http_server"])
@pytest.mark.parametrize(
    ("lines", "option", "message"),
    [
        (["username=me"], "username", "a username needs a password: add password = …"),
        (["password=x"], "password", "a password needs a username: add username = …"),
        ([*FULL, "readonly_username=you"], "readonly_username", "a readonly_username needs a readonly_password"),
        ([*FULL, "readonly_password=x"], "readonly_password", "a readonly_password needs a readonly_username"),
        (
            ["readonly_username=you", "readonly_password=x"],
            "readonly_username",
            "without username and password everybody",
        ),
        (
            ["username=", "password=", "readonly_username=you", "readonly_password=x"],
            "readonly_username",
            "without username and password everybody",
        ),
        ([*FULL, "readonly_username=me", "readonly_password=x"], "readonly_username", "it is the same as username"),
        ([*FULL, "readonly_username=", "readonly_password=x"], "readonly_username", "it is empty: choose a name"),
    ],
)
def test_a_login_that_makes_no_sense_is_an_error(complaints, section, lines, option, message):
    """Half a pair, a reader without a full user, and two users with one name are refused, without showing a secret."""
    place = "port=127.0.0.1:9001" if section == "inet_http_server" else "file=/tmp/s"
    found = complaints(place, *lines, section=section)
    errors = [(found_option, text) for _, found_option, severity, text in found if severity == "error"]
    ((found_option, text),) = errors
    assert found_option == option
    assert text.startswith(message)
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("lines", "option", "message"),
    [
        (["username=", "password=x"], "username", "it is empty, so no password is required: name a user"),
        (["username=me", "password="], "password", "it is empty: choose a password"),
        (["username=me", "password={SHA}secret"], "password", "no password matches this hash: write the"),
        ([*FULL, "readonly_username=you", "readonly_password="], "readonly_password", "it is empty"),
        (
            [*FULL, "readonly_username=you", f"readonly_password={SHA}0"],
            "readonly_password",
            "no password matches this hash",
        ),
    ],
)
def test_an_ineffective_password_is_warned_of(complaints, lines, option, message):
    """Supervisord accepts them, so they are not refused."""
    ((_, found, severity, text),) = complaints("port=127.0.0.1:9001", *lines)
    assert (found, severity) == (option, "warning")
    assert text.startswith(message)
    assert "secret" not in text


def test_an_empty_username_is_no_protection(server):
    """No password is required then, so a server on every interface is not safe."""
    assert server("*:9001", "username=", "password=").is_open
    assert not server("*:9001", "username=me", f"password={SHA}").is_open


def test_several_servers_are_read_in_both_forms(tmp_path):
    """Each has a name, except for the first; supervisord accepts them too."""
    ini = tmp_path / "f.conf"
    ini.write_text(
        "[supervisord]\n[inet_http_server]\nport=127.0.0.1:1\n[inet_http_server:b]\nport=127.0.0.1:2\n"
        "[unix_http_server]\nfile=/tmp/a\n[unix_http_server:b]\nfile=/tmp/b\nreadonly_username=you\n"
        "readonly_password=x\nusername=me\npassword=y\n"
    )
    toml = tmp_path / "f.toml"
    toml.write_text(
        '[inet_http_server]\nport = "127.0.0.1:1"\n[inet_http_server.b]\nport = "127.0.0.1:2"\n'
        '[unix_http_server]\nfile = "/tmp/a"\n[unix_http_server.b]\nfile = "/tmp/b"\nreadonly_username = "you"\n'
        'readonly_password = "x"\nusername = "me"\npassword = "y"\n'
    )
    first, second = load(str(ini)).servers, load(str(toml)).servers
    assert first == second
    assert [(server.section, getattr(server, "port", None)) for server in first] == [
        ("inet_http_server", 1),
        ("inet_http_server:b", 2),
        ("unix_http_server", None),
        ("unix_http_server:b", None),
    ]
    assert (first[3].readonly_username, first[3].readonly_password) == ("you", "x")
