"""Roles on a real master: the how-to as it stands, two local users, tokens and certificates."""

import contextlib
import grp
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.certificates import Authority
from tests.support.free_ports import free_port
from tests.support.log_lines import PATIENCE
from tests.support.master_process import ROOT, Master, others_reach_the_source
from tests.support.pages import DOCS, run_by
from tests.support.running_master import SLEEPER, RunningMaster

PAGE = (ROOT / "docs/how-to/access.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
HERE = "tests/end_to_end/test_access.py"
ANN, OTHER = 4201, 4202
HAS_OPENSSL = shutil.which("openssl") is not None


def procmanctl(*words: str, uid: int = 0, groups: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    who = ["setpriv", f"--reuid={uid}", f"--regid={uid}", f"--groups={groups}" if groups else "--clear-groups"]
    return subprocess.run(
        [*(who if uid else []), sys.executable, "-m", "procman.cli.procmanctl", *words],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/", **environ},
        timeout=PATIENCE,
        check=False,
    )


needs_users = pytest.mark.skipif(not others_reach_the_source(), reason="other users cannot read the source tree")


@pytest.fixture
def of_the_page(tmp_path):
    """The master of the how-to, with programs that only sleep."""
    config = next(text for kind, text in BLOCKS if kind == "toml")
    config, count = re.subn(r'command = ".*"', f'command = "{SLEEPER}"\nstartsecs = 0', config)
    assert count == 3
    short = tempfile.TemporaryDirectory(prefix="pm")
    os.chmod(short.name, 0o755)
    config = config.replace("/run/procman.sock", f"{short.name}/s")
    path = tmp_path / "p.toml"
    path.write_text(
        f'[procman]\nlogfile = "{tmp_path}/log"\npidfile = "{tmp_path}/pid"\nchildlogdir = "{tmp_path}"\n{config}'
    )
    with short, Master(path, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path)) as running:
        running.address = f"unix://{short.name}/s"
        running.expect_all([f"success: {name} entered RUNNING" for name in ("web", "worker", "billing")])
        yield running


@pytest.mark.root
@needs_users
def test_the_team_of_the_page_has_its_programs(of_the_page):
    """Each command of the page's first session prints what the page shows."""
    staff = str(grp.getgrnam("staff").gr_gid)
    session = next(text for kind, text in BLOCKS if kind == "console")
    for step in session.split("$ procmanctl ")[1:]:
        words, _, shown = step.partition("\n")
        ran = procmanctl("-s", of_the_page.address, *shlex.split(words), uid=ANN, groups=staff)
        printed = ran.stdout.replace(f"uid {ANN}", "uid 1001 (ann)")
        # A name that does not exist has a hint besides.
        assert printed.startswith(shown), (words, ran)
    assert procmanctl("-s", of_the_page.address, "status", uid=OTHER).returncode != 0
    # The refused shutdown is in the journal, as the page shows it further down.
    *_, (events,) = run_by(HERE, DOCS / "how-to" / "access.md")
    refused, _, who = events.shown[0][len("14:02:11.254  ") :].partition("uid 1001")
    assert who
    assert refused in of_the_page.ctl(*shlex.split(events.line)[1:]).stdout


@pytest.mark.root
@needs_users
def test_two_users_have_their_own_programs(of_the_page):
    """A program's user operates it, one on call sees all, a third nothing; the journal tells root who was refused."""
    address = of_the_page.address
    adm = str(grp.getgrnam("adm").gr_gid)
    own = procmanctl("-s", address, "whoami", "--json", uid=33)
    assert {one["namespec"]: one["role"] for one in json.loads(own.stdout)["processes"]} == {"web": "operate"}
    assert procmanctl("-s", address, "restart", "all", uid=33).stdout == "web: stopped\nweb: started\n"
    seen = procmanctl("-s", address, "status", uid=OTHER, groups=adm)
    assert [line.split()[0] for line in seen.stdout.splitlines()] == ["billing", "web", "worker"]
    refused = procmanctl("-s", address, "stop", "web", uid=OTHER, groups=adm)
    assert refused.returncode == 1
    assert "it takes the role operate" in refused.stdout
    assert "yours is none" in procmanctl("-s", address, "status", uid=OTHER).stdout
    hidden = procmanctl("-s", address, "stop", "billing", uid=33)
    absent = procmanctl("-s", address, "stop", "nothing", uid=33)
    assert hidden.stdout.replace("billing", "nothing") == absent.stdout
    told = of_the_page.ctl("events", "--kind", "access-denied").stdout
    assert f"it takes the role operate, and yours is read (HTTP 403), by uid {OTHER}" in told
    assert "billing is hidden from it" in told
    assert re.search(r"^procman_requests_refused_total [1-9]", of_the_page.ctl("metrics").stdout, re.MULTILINE)
    assert "nothing is hidden" not in told


TOKEN = "0123456789abcdef"


class WithTokens(RunningMaster):
    """On TCP, with a section for a token; `tls` are more lines of the server."""

    def __init__(self, folder: Path, tls: str = "", allow: str = "configure") -> None:
        self.port = free_port()
        self.tokens = folder / "tokens"
        self.tokens.write_text(hashlib.sha256(TOKEN.encode()).hexdigest() + "\n")
        self.parts = (
            f"[program:web]\ncommand={SLEEPER}\nstartsecs=0\n"
            f"[inet_http_server]\nport=127.0.0.1:{self.port}\naccess=roles\n{tls}"
        )
        self.section = f"[access:ci]\ntoken_file={self.tokens}\nallow={allow}\n"
        super().__init__(folder, self.parts + self.section)
        self.wait_for("web entered RUNNING")

    def token(self, *words: str, scheme: str = "http") -> subprocess.CompletedProcess[str]:
        url = f"{scheme}://localhost:{self.port}"
        return procmanctl("-s", url, *words, PROCMANCTL_TOKEN=TOKEN)


@pytest.mark.slow
def test_an_update_changes_what_clients_may_do(tmp_path):
    """It applies sections in place, and says so to a client whose own rights change; open streams end."""
    with contextlib.closing(WithTokens(tmp_path)) as master:
        assert master.token("whoami").stdout.startswith(
            f"a client with a valid token on 127.0.0.1:{master.port}: configure"
        )
        follower = subprocess.Popen(
            [sys.executable, "-m", "procman.cli.procmanctl", "-s", f"http://localhost:{master.port}", "events", "-f"],
            env={"PATH": os.environ["PATH"], "PROCMANCTL_TOKEN": TOKEN},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        master.write(master.parts + master.section.replace("configure", "read") + "programs=web\n")
        updated = master.token("update")
        assert "access:ci: changed in place" in updated.stdout
        assert "your own role is read now" in updated.stdout
        assert "it takes the role configure" in master.token("update").stdout
        assert master.token("status", "web").returncode == 0
        master.tokens.write_text("")
        master.ctl("update")
        assert "requires authentication" in master.token("status").stdout
        follower.kill()
        follower.communicate(timeout=PATIENCE)


def test_a_request_that_waits_is_judged_at_its_end(tmp_path):
    """Whoever loses a right while a stop goes on is not told what came of it; the stop goes on."""
    with contextlib.closing(WithTokens(tmp_path, allow="operate")) as master:
        stubborn = "sh -c \"trap 'sleep 0' TERM; echo armed; while :; do sleep 0.05; done\""
        master.write(
            f"{master.parts}{master.section}[program:slow]\ncommand={stubborn}\nstartsecs=0\nstopwaitsecs=600\n"
        )
        master.ctl("update")
        master.wait_for("slow entered RUNNING")
        master.hear("slow", "armed")
        stop = subprocess.Popen(
            [sys.executable, "-m", "procman.cli.procmanctl", "-s", f"http://localhost:{master.port}", "stop", "slow"],
            env={"PATH": os.environ["PATH"], "PROCMANCTL_TOKEN": TOKEN},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        master.wait_for("waiting for slow to stop")
        master.tokens.write_text("")
        assert "access:ci: changed" in master.ctl("update").stdout
        assert master.ctl("signal", "KILL", "slow").returncode == 0
        said, _ = stop.communicate(timeout=PATIENCE)
        assert "you may not do this any more" in said
        assert "STOPPED" in master.ctl("status", "slow").stdout


@pytest.mark.slow
@pytest.mark.skipif(not HAS_OPENSSL or shutil.which("curl") is None, reason="there is no openssl or no curl")
def test_the_token_of_the_page_is_made_and_used(tmp_path):
    """Its hash is what the page writes; with the word itself, procmanctl and curl come in, over TLS and by its role."""
    making, using, _ = run_by(HERE, DOCS / "how-to" / "access.md")
    authority, port = Authority(tmp_path), free_port()
    certificate, key = authority.issue("server")
    places = {"/etc/procman/ci": f"{tmp_path}/ci", "/etc/procman/server.pem": certificate, "*:9443": f"*:{port}"}
    places |= {"/etc/procman/server.key": key, "build.example:9443": f"localhost:{port}"}

    def here(text):
        for place, own in places.items():
            text = text.replace(place, own)
        return text

    def typed(command):
        trusts = {"SSL_CERT_FILE": authority.file, "CURL_CA_BUNDLE": authority.file, "HOME": str(tmp_path)}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", here(command.line)],
            cwd=tmp_path,
            env={**trusts, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout.splitlines()

    for command in making:
        typed(command)
    section = here(next(text for kind, text in BLOCKS if kind == "text"))
    program = f'[program.web]\ncommand = "{SLEEPER}"\nstartsecs = 0\n'
    config = tmp_path / "p.toml"
    config.write_text(f'[procman]\nlogfile = "{tmp_path}/log"\npidfile = "{tmp_path}/pid"\n{program}{section}')
    with Master(config, cwd=tmp_path) as master:
        master.expect("success: web entered RUNNING")
        restart, curl = using
        assert typed(restart) == list(restart.shown)
        assert json.loads("".join(typed(curl)))["processes"][0]["name"] == "web"


@pytest.mark.slow
@pytest.mark.skipif(not HAS_OPENSSL, reason="there is no openssl")
def test_a_new_certificate_is_taken_at_a_reread_and_at_sighup(tmp_path):
    """Procmanctl speaks TLS; a renewal takes effect without a restart, and a broken file leaves what there was."""
    authority = Authority(tmp_path)
    first, second = authority.issue("first"), authority.issue("second", days=3)
    used = [shutil.copy(path, tmp_path / f"used{number}") for number, path in enumerate(first)]
    tls = f"certfile={used[0]}\nkeyfile={used[1]}\nclient_ca={authority.file}\n"
    with contextlib.closing(WithTokens(tmp_path, tls)) as master:
        mine = ("--cacert", authority.file, "--cert", second[0], "--key", second[1])
        assert master.token(*mine, "status", "web", scheme="https").returncode == 0
        assert "cannot be trusted" in master.token("status", scheme="https").stdout
        assert "wants a certificate of yours" in master.token(*mine[:2], "status", scheme="https").stdout
        wrong = ("--cacert", authority.file, "--cert", second[0], "--key", first[1])
        assert "the key is not that of the certificate" in master.token(*wrong, "status", scheme="https").stdout
        assert "the connection was lost" in master.token("status").stdout
        for new, path in zip(second, used, strict=True):
            shutil.copy(new, path)
        assert master.ctl("reread").returncode == 0
        master.wait_for("expires on")
        assert master.token(*mine, "status", "web", scheme="https").returncode == 0
        Path(used[0]).write_text("nothing\n")
        master.ctl("reread")
        master.wait_for("goes on with the certificate that it had")
        assert master.token(*mine, "restart", "web", scheme="https").stdout == "web: stopped\nweb: started\n"
        (tmp_path / "other").mkdir()
        other = Authority(tmp_path / "other")
        for new, path in zip(other.issue("third"), used, strict=True):
            shutil.copy(new, path)
        master.signal(signal.SIGHUP)
        asked = master.wait_for("received SIGHUP")
        master.wait_for("success: web entered RUNNING", after=asked)
        # As a program has it in its environment.
        url, trusts = f"https://localhost:{master.port}", {"SSL_CERT_FILE": other.file, "PROCMANCTL_TOKEN": TOKEN}
        ran = procmanctl(*mine[2:], "status", "web", SUPERVISOR_SERVER_URL=url, **trusts)
        assert ran.returncode == 0, ran
