"""A configuration that others can write lets them decide what runs: a warning, and for root a refusal."""

import contextlib
import grp
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from procman.client.api_client import ApiError
from procman.config.checks.permissions import warn_of_writable_files
from procman.config.load import load, read
from procman.config.problems import ConfigError
from procman.system.exposure import exposure, way_to
from tests.support import namespaces
from tests.support.log_lines import PATIENCE
from tests.support.master_process import environment
from tests.support.running_master import SLEEPER, RunningMaster

NOBODY = 65534
is_root = os.geteuid() == 0
needs_root = [pytest.mark.root, pytest.mark.skipif(not is_root, reason="is about what root refuses")]


@pytest.fixture
def file(tmp_path) -> Path:
    file = tmp_path / "main.conf"
    file.write_text(
        f"[supervisord]\nlogfile={tmp_path}/log\npidfile={tmp_path}/pid\n[unix_http_server]\nfile={tmp_path}/s\n"
    )
    file.chmod(0o644)
    return file


def warnings(path) -> str:
    return str(exposure(str(path)) or "")


# ---- who may write


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o444])
def test_a_file_of_ones_own_is_nobody_elses(file, mode):
    """There is no warning about a file that others can only read, in a directory of its owner."""
    file.chmod(mode)
    assert exposure(str(file)) is None


@pytest.mark.parametrize("mode", [0o646, 0o666, 0o602, 0o777])
def test_a_file_for_everybody_is_told(file, mode):
    """A file that others can write by its mode is reported, whoever owns it."""
    file.chmod(mode)
    assert warnings(file) == "everybody may write it"
    assert exposure(str(file)).by_mode


@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_a_folder_for_everybody_is_told(file, mode):
    """A directory above the file that others can write is reported, because they could replace the file."""
    file.parent.chmod(mode)
    assert warnings(file) == f"everybody may put another file in its place, by way of {file.parent}"
    below = file.parent / "a" / "b"
    below.mkdir(parents=True)
    shutil.move(file, below / "f")
    assert warnings(below / "f") == f"everybody may put another file in its place, by way of {file.parent}"


def test_a_sticky_folder_keeps_ones_own_file(file):
    """In a sticky directory such as /tmp, one's own file is safe."""
    file.parent.chmod(0o1777)
    assert exposure(str(file)) is None


@pytest.mark.skipif(not is_root, reason="makes files of others")
def test_a_sticky_folder_keeps_nothing_of_others(file):
    """In a sticky directory, the file's owner can replace it, and so can the directory's owner."""
    file.parent.chmod(0o1777)
    os.chown(file, NOBODY, 0)
    assert exposure(str(file)).by_mode
    os.chown(file, 0, 0)
    os.chown(file.parent, NOBODY, 0)
    assert exposure(str(file)).is_folder


def test_a_link_is_looked_at_with_its_folder(file):
    """The directory of a symbolic link is checked too, because replacing the link is enough."""
    shared = file.parent / "shared"
    shared.mkdir()
    (shared / "link").symlink_to(file)
    assert exposure(str(shared / "link")) is None
    shared.chmod(0o777)
    assert warnings(shared / "link") == f"everybody may put another file in its place, by way of {shared}"


def test_the_file_behind_a_link_is_looked_at(file):
    """The target of a link, and the directories on the way to it, are checked."""
    (file.parent / "link").symlink_to("main.conf")
    file.chmod(0o666)
    assert warnings(file.parent / "link") == "everybody may write it"


def test_the_way_of_a_configmap_is_followed(tmp_path):
    """The links of a Kubernetes ConfigMap (main.conf -> ..data/main.conf, ..data -> a dated directory) are followed."""
    real = tmp_path / "..2026_11_26"
    real.mkdir()
    (real / "main.conf").write_text("[supervisord]\n")
    (tmp_path / "..data").symlink_to(real.name)
    (tmp_path / "main.conf").symlink_to("..data/main.conf")
    ways = [entry.removeprefix(f"{tmp_path}/") for _, entry in way_to(str(tmp_path / "main.conf"))]
    assert ways[-4:] == ["main.conf", "..data", "..2026_11_26", "..2026_11_26/main.conf"]


def test_a_link_to_itself_is_left_to_whoever_opens_it(tmp_path):
    """A link to itself and a missing file are not reported here; opening them fails."""
    (tmp_path / "loop").symlink_to("loop")
    assert exposure(str(tmp_path / "loop")) is None
    assert exposure(str(tmp_path / "none" / "x")) is None


@pytest.mark.skipif(not is_root, reason="gives files to groups")
def test_a_group_counts_if_somebody_else_is_in_it(file):
    """A group with other members counts; root's own, a private or an empty group (0664 by umask 002) does not."""
    file.chmod(0o664)
    for group, expected in ((0, ""), (987654, ""), (pwd.getpwnam("nobody").pw_gid, "group nogroup may write it")):
        os.chown(file, 0, group)
        name = grp.getgrgid(group).gr_name if expected else ""
        assert warnings(file) == expected.replace("nogroup", name)


@pytest.mark.skipif(not is_root, reason="makes files of others")
def test_an_owner_is_told_but_for_whoever_came_by_sudo(file, monkeypatch):
    """Root is warned about another owner, unless it is the user of sudo."""
    os.chown(file, NOBODY, 0)
    assert warnings(file) == f"its owner {pwd.getpwuid(NOBODY).pw_name} may write it"
    assert not exposure(str(file)).by_mode
    monkeypatch.setenv("SUDO_UID", str(NOBODY))
    assert exposure(str(file)) is None


@pytest.mark.skipif(not is_root, reason="mounts")
def test_what_cannot_be_written_at_all_is_nobodys(file):
    """Mode 0777 on a read-only mount, as in a ConfigMap, is not reported."""
    file.parent.chmod(0o777)
    file.chmod(0o666)
    code = f"from procman.system.exposure import exposure; print(exposure({str(file)!r}))"
    script = f'mount --bind {file.parent} {file.parent} && mount -o remount,ro,bind {file.parent} && exec "$@"'
    ran = subprocess.run(
        [*namespaces.in_mount_namespace(), "sh", "-c", script, "sh", sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(file.parent),
        timeout=PATIENCE,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == ("None\n", "")


# ---- what comes of it


def test_every_file_is_looked_at(file):
    """The main file and every included one get a warning that says what to do."""
    more = file.parent / "more.conf"
    more.write_text("[program:x]\ncommand=x\n")
    more.chmod(0o666)
    file.write_text(f"{file.read_text()}[include]\nfiles=more.conf\n")
    (problem,) = [problem for problem in load(str(file)).warnings if problem.slug == "writable"]
    assert problem.file == str(more)
    assert f"chmod go-w {more}" in problem.message
    with pytest.raises(ConfigError, match=r"more\.conf: everybody may write it, .*start with --allow-writable-config"):
        load(str(file), refuse_writable=True)


def test_of_another_machine_nothing_is_known(file):
    """A check for another machine says nothing about modes."""
    from procman.config.assumptions import Assumptions

    file.chmod(0o666)
    assert [p for p in read(str(file), assume=Assumptions(env={})).problems if p.slug == "writable"] == []


class _Reading(list):
    """Collects problems."""

    add = list.append


@pytest.mark.skipif(not is_root, reason="makes files of others")
def test_an_owner_alone_is_never_refused(file):
    """Another owner is only a warning for root, since checkouts and mounted directories often have one."""
    os.chown(file, NOBODY, 0)
    found = _Reading()
    warn_of_writable_files(found, [str(file)], refuse=True)
    assert [problem.severity for problem in found] == ["warning"]
    assert f"chown root {file}" in found[0].message


def start(file: Path, *arguments: str, as_pid_1: bool = False) -> subprocess.CompletedProcess[str]:
    """A master without programs, which ends as soon as it is up."""
    file.write_text(file.read_text().replace("[supervisord]\n", "[supervisord]\nshutdown_when=all_done\n"))
    with open(file, "a") as more:
        more.write("[program:once]\ncommand=true\nstartsecs=0\nautorestart=false\n")
    return subprocess.run(
        [*(namespaces.as_pid_1() if as_pid_1 else ()), sys.executable, "-m", "procman", "-c", str(file), *arguments],
        capture_output=True,
        text=True,
        env=environment(file.parent),
        timeout=PATIENCE,
        check=False,
    )


class TestRoot:
    """A master that runs as root."""

    pytestmark = needs_root

    def test_refuses_to_start(self, file):
        """Root refuses to start with status 2, names the problem and both remedies."""
        file.chmod(0o666)
        ran = start(file)
        assert ran.returncode == 2
        assert ran.stderr == (
            f"procman: {file}: everybody may write it, and with it run anything as root: chmod go-w {file}, "
            "or start with --allow-writable-config\n"
        )

    def test_starts_when_told(self, file):
        """With --allow-writable-config, root starts and logs what it accepted."""
        file.chmod(0o666)
        ran = start(file, "--allow-writable-config")
        assert ran.returncode == 0
        assert "WARN" in ran.stdout
        assert "everybody may write it" in ran.stdout
        assert "exited: once (exit status 0; expected)" in ran.stdout

    def test_starts_as_pid_1_with_a_warning(self, file):
        """As PID 1, root only warns: a container has the modes of its volume, and its end would protect nothing."""
        file.chmod(0o777)
        ran = start(file, as_pid_1=True)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "everybody may write it" in ran.stdout

    def test_takes_no_file_that_was_opened_meanwhile(self, tmp_path):
        """A reread of a file that has become writable by others is refused, and everything keeps running."""
        master = RunningMaster(tmp_path, f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n")
        with contextlib.closing(master):
            master.wait_for("web entered RUNNING")
            master.file.chmod(0o666)
            with pytest.raises(ApiError, match="everybody may write it"):
                master.call("POST", "/v1/config/reread")
            master.file.chmod(0o644)
            assert master.call("POST", "/v1/config/reread") == {
                "added": [],
                "changed": [],
                "removed": [],
                "notify": [],
                "access": [],
            }
            assert master.info("web")["statename"] == "RUNNING"

    def test_is_not_asked_where_it_becomes_another_user(self, file):
        """Root refuses such a file even if the file says `user=`."""
        file.chmod(0o666)
        file.write_text(file.read_text().replace("[supervisord]\n", "[supervisord]\nuser=nobody\n"))
        assert start(file).returncode == 2


def test_check_says_that_root_would_be_refused(file):
    """`procman check` only warns, since the checking user need not be the one that starts."""
    file.chmod(0o666)
    ran = subprocess.run(
        [sys.executable, "-m", "procman", "check", "-c", str(file)],
        capture_output=True,
        text=True,
        env=environment(file.parent),
        timeout=PATIENCE,
        check=False,
    )
    assert ran.returncode == 0
    assert "everybody may write it" in ran.stdout
    assert ("a start as root refuses it without --allow-writable-config" in ran.stdout) == is_root
