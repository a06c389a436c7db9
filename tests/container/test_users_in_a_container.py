"""Roles in a container: procman is PID 1 as root, and users of the image come with `podman exec --user`."""

import subprocess

import pytest

from tests.support.containers import Container, podman

pytestmark = pytest.mark.container

CONFIG = """
[procman]
logfile = "/dev/stdout"
pidfile = "/tmp/procman.pid"
[unix_http_server]
file = "/run/procman.sock"
chmod = "0666"
access = "roles"
owner_role = "operate"
[program.web]
command = "sleep 1000"
user = "www-data"
startsecs = 0
[program.mail]
command = "sleep 1000"
user = "procman"
startsecs = 0
[program.billing]
command = "sleep 1000"
startsecs = 0
[access.web-sees-mail]
users = ["www-data"]
allow = "read"
programs = ["mail"]
"""


class Users:
    """Each with procmanctl in the same container."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def ctl(self, user: str, *words: str) -> str:
        command = podman("exec", "--user", user, self._container.name, "procmanctl", *words)
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.fixture
def users(image, tmp_path):
    (tmp_path / "procman.toml").write_text(CONFIG)
    with Container(image, "-v", f"{tmp_path}/procman.toml:/etc/procman/procman.toml:ro") as container:
        container.expect_all([f"success: {name} entered RUNNING" for name in ("web", "mail", "billing")])
        yield Users(container)
        assert container.stop() == 0


def test_two_users_have_their_own_programs_and_what_a_section_gives(users):
    """One operates its program and sees that of the other; the other has its own only; root reads of denials."""
    assert users.ctl("www-data", "restart", "web") == "web: stopped\nweb: started\n"
    assert users.ctl("procman", "restart", "mail") == "mail: stopped\nmail: started\n"
    seen = {user: users.ctl(user, "status").split("\n") for user in ("www-data", "procman")}
    assert [line.split()[0] for line in seen["www-data"] if line] == ["mail", "web"]
    assert [line.split()[0] for line in seen["procman"] if line] == ["mail"]
    assert "it takes the role operate of mail, and yours is for other programs" in users.ctl("www-data", "stop", "mail")
    assert users.ctl("procman", "stop", "web") == "web: ERROR (no such process)\n"
    assert "it takes the role admin" in users.ctl("www-data", "shutdown")
    assert "yours is none" in users.ctl("games", "status")
    denied = users.ctl("root", "events", "--kind", "access-denied")
    assert "by uid 33 (www-data)" in denied
    assert "web is hidden from it" in denied
    assert users.ctl("root", "status", "billing").split()[1] == "RUNNING"
