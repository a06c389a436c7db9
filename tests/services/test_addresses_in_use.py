"""What programs write when an address is in use, and the address in it; each line is one that such a program writes."""

import pytest

from procman.config.schema.kinds.readiness import condition_of as condition
from procman.services.addresses_in_use import address_in_use, address_of, address_of_command
from procman.system.address_holders import TcpPort, UnixPath
from tests.support.programs import program

SAID = [
    ("OSError: [Errno 98] Address already in use", None),
    (
        "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
        TcpPort(8000, "127.0.0.1"),
    ),
    ("[2026-11-29 12:30:45 +0000] [7] [ERROR] Connection in use: ('0.0.0.0', 8001)", TcpPort(8001)),
    ("Port 5000 is in use by another program. Either identify and stop that program, or", TcpPort(5000)),
    ("Error: That port is already in use.", None),
    ("Error: listen EADDRINUSE: address already in use :::3000", TcpPort(3000)),
    ("Error: listen EADDRINUSE: address already in use 127.0.0.1:3000", TcpPort(3000, "127.0.0.1")),
    ("Error: listen EADDRINUSE: address already in use /tmp/app.sock", UnixPath("/tmp/app.sock")),
    ("Error: listen EADDRINUSE :::8080", TcpPort(8080)),
    (
        "2026/11/29 12:30:45 [emerg] 7#7: bind() to 0.0.0.0:80 failed (98: Address already in use)",
        TcpPort(80),
    ),
    ("nginx: [emerg] bind() to [::]:443 failed (98: Address already in use)", TcpPort(443)),
    (
        "nginx: [emerg] bind() to unix:/run/app.sock failed (98: Address already in use)",
        UnixPath("/run/app.sock"),
    ),
    ("(98)Address already in use: AH00072: make_sock: could not bind to address [::]:80", TcpPort(80)),
    (
        'LOG:  could not bind Unix address "/var/run/postgresql/.s.PGSQL.5432": Address already in use',
        UnixPath("/var/run/postgresql/.s.PGSQL.5432"),
    ),
    (
        "Warning: Could not create server TCP listening socket *:6379: bind: Address already in use",
        TcpPort(6379),
    ),
    ("listen tcp :8080: bind: address already in use", TcpPort(8080)),
    (
        "2026/11/29 12:30:45 listen tcp 127.0.0.1:9090: bind: address already in use",
        TcpPort(9090, "127.0.0.1"),
    ),
    ("listen unix /tmp/x.sock: bind: address already in use", UnixPath("/tmp/x.sock")),
    ("java.net.BindException: Address already in use", None),
    ("Web server failed to start. Port 8080 was already in use.", TcpPort(8080)),
    ("java.io.IOException: Failed to bind to 0.0.0.0/0.0.0.0:8080: Address already in use", TcpPort(8080)),
    ("java.net.BindException: Address already in use: JVM_Bind <null>:8009", TcpPort(8009)),
    (
        "thread 'main' panicked: Os { code: 98, kind: AddrInUse, message: \"Address already in use\" }",
        None,
    ),
    ("[ALERT] Starting proxy web: cannot bind socket (Address already in use) [0.0.0.0:80]", TcpPort(80)),
    ("error: Bind to port 22 on 0.0.0.0 failed: Address already in use.", TcpPort(22)),
    ("failed to listen on TCP port 11211: Address already in use", TcpPort(11211)),
    (
        "probably another instance of uWSGI is running on the same address (127.0.0.1:3031).",
        TcpPort(3031, "127.0.0.1"),
    ),
    (
        "ERROR: unable to bind listening socket for address '127.0.0.1:9000': Address already in use (98)",
        TcpPort(9000, "127.0.0.1"),
    ),
    (
        "ERROR: Another FPM instance seems to already listen on /run/php/php8.2-fpm.sock",
        UnixPath("/run/php/php8.2-fpm.sock"),
    ),
    (
        'Address already in use - bind(2) for "127.0.0.1" port 3000 (Errno::EADDRINUSE)',
        TcpPort(3000, "127.0.0.1"),
    ),
    ("ERROR -- : adding listener failed addr=0.0.0.0:8080 (in use)", TcpPort(8080)),
    ("Bind for 0.0.0.0:80 failed: port is already allocated", TcpPort(80)),
    ("Error: Port 5173 is already in use", TcpPort(5173)),
    ("** (stop) :eaddrinuse", None),
    (
        "Failed to bind to address http://127.0.0.1:5000: address already in use.",
        TcpPort(5000, "127.0.0.1"),
    ),
    ("Failed to set up listener: SocketException: Address already in use", None),
    ("dnsmasq: failed to create listening socket for port 53: Address already in use", TcpPort(53)),
    (
        "[ERROR] Another process with pid 7 is using unix socket file: '/run/mysqld/mysqld.sock'",
        UnixPath("/run/mysqld/mysqld.sock"),
    ),
]


@pytest.mark.parametrize(("line", "address"), SAID)
def test_the_address_is_read_from_the_line_that_says_it(line, address):
    """None where it is not in there; times, pids and line numbers are no ports."""
    found = address_in_use([line])
    assert found is not None
    assert (found.line, found.address) == (line, address)


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (
            [
                'LOG:  could not bind IPv4 address "127.0.0.1": Address already in use',
                "HINT:  Is another postmaster already running on port 5432? If not, wait a few seconds and retry.",
            ],
            TcpPort(5432),
        ),
        (
            [
                "Error: listen EADDRINUSE: address already in use",
                "  code: 'EADDRINUSE',",
                "  syscall: 'listen',",
                "  address: '::',",
                "  port: 3000",
                "}",
            ],
            TcpPort(3000),
        ),
        (
            [
                "[ERROR] Can't start server: Bind on TCP/IP port: Address already in use",
                "[ERROR] Do you already have another mysqld server running on port: 3306 ?",
            ],
            TcpPort(3306),
        ),
        (["Starting at http://0.0.0.0:8000/", "", "OSError: [Errno 98] Address already in use"], TcpPort(8000)),
    ],
)
def test_an_address_in_a_line_nearby_is_found(lines, address):
    """Before or after the one that says that it is in use."""
    found = address_in_use(["some line", *lines, "last line"])
    assert found is not None
    assert found.address == address


@pytest.mark.parametrize(
    "lines",
    [[], [""], ["listening on port 80"], ["connection refused: 127.0.0.1:80"], ["disk is in use"], ["x" * 100_000]],
)
def test_other_words_say_nothing_of_it(lines):
    """They are what programs write as a rule."""
    assert address_in_use(lines) is None


def test_a_number_that_is_no_port_is_none():
    """Ports end at 65535."""
    found = address_in_use(["listen tcp :99999: bind: address already in use"])
    assert found is not None
    assert found.address is None


def test_the_lines_of_a_traceback_name_no_address():
    """The number of a line of ports.py is no port, nor is that of a file in /srv/port."""
    lines = [
        '  File "/srv/port", line 4, in <module>',
        '    serve("0.0.0.0", port)',
        '  File "/srv/port.py", line 12, in serve',
        "    at /srv/port 3000/server.js:7:1",
        "OSError: [Errno 98] Address already in use",
    ]
    found = address_in_use(lines)
    assert found is not None
    assert found.address is None
    assert address_in_use(["listening on port 80", *lines]).address == TcpPort(80)


def test_only_the_last_lines_count():
    """A program may have said it an hour ago."""
    assert address_in_use(["listen tcp :80: bind: address already in use", *["fine"] * 50]) is None


@pytest.mark.parametrize(
    ("command", "address"),
    [
        ("uvicorn app:app --host 0.0.0.0 --port 8000", TcpPort(8000)),
        ("gunicorn -b 127.0.0.1:8001 app:app", TcpPort(8001, "127.0.0.1")),
        ("gunicorn --bind=:8002 app", TcpPort(8002)),
        ("python manage.py runserver 0.0.0.0:8003", TcpPort(8003)),
        ("python -m http.server 8004", TcpPort(8004)),
        ("redis-server --port 6380", TcpPort(6380)),
        ("memcached -p 11212", TcpPort(11212)),
        ("./app", None),
        ("mkdir -p dir", None),
    ],
)
def test_the_usual_flags_of_a_command_say_where_it_listens(command, address):
    """For a program that has not said which address was in use."""
    assert address_of_command(command) == address


@pytest.mark.parametrize(
    ("ready", "health", "address"),
    [
        (["listen:8000"], None, TcpPort(8000)),
        (["delay:1s", "tcp:127.0.0.1:8001"], None, TcpPort(8001, "127.0.0.1")),
        (["listen:/run/app.sock"], "tcp:8002", UnixPath("/run/app.sock")),
        (["log:up"], "http://localhost:8003/ok", TcpPort(8003, "localhost")),
        (["file:/run/app.pid", "tcp:db.example:5432", "exec:true"], None, None),
    ],
)
def test_what_it_is_looked_at_says_where_a_program_listens(ready, health, address):
    """Its command comes first; a look at another machine says nothing of its own port."""
    looks = {"ready": tuple(map(condition, ready)), "health": None if health is None else condition(health)}
    assert address_of(program(command="./app", **looks)) == address
    assert address_of(program(command="./app --port 80", **looks)) == TcpPort(80)
