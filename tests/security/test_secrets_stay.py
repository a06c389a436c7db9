"""No answer and no error message shows a password of a configuration."""

import contextlib
import json
import xmlrpc.client

import pytest

from procman.cli.procman import main
from procman.client.api_client import Client
from procman.config.load import load
from procman.config.problems import ConfigError
from tests.support.free_ports import free_port
from tests.support.running_master import SLEEPER, RunningMaster

SECRETS = ("hunter2", "s3cr3t", "t0ken", "b4r")
PROGRAMS = f"""
[program:web]
command={SLEEPER} --api-token t0ken amqp://me:s3cr3t@mq/ PASSWORD=hunter2
environment=DB_PASSWORD="hunter2",DATABASE_URL="postgres://me:s3cr3t@db/x?token=t0ken",PORT="80"
startsecs=0
[eventlistener:ear]
command=cat --auth-token=t0ken
events=TICK_3600
startsecs=0
[fcgi-program:site]
command=cat
socket=tcp://127.0.0.1:0
autostart=false
"""
MASTER = 'environment=SESSION_SECRET="b4r",SENTRY_URL="https://x:s3cr3t@sentry/"\n'


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    port = free_port()
    server = (
        f"[inet_http_server]\nport=127.0.0.1:{port}\nusername=me\npassword=hunter2\n"
        "readonly_username=you\nreadonly_password=s3cr3t\n"
    )
    master = RunningMaster(
        folder, PROGRAMS.replace(":0\n", f":{port + 1 if port < 65535 else 1024}\n") + server, master=MASTER
    )
    master.wait_for("web entered RUNNING")
    yield master
    master.close()


# Every GET of /v1 that answers and ends.
QUESTIONS = (
    *("/v1/master", "/v1/master/config", "/v1/stop-plan", "/v1/health", "/v1/figures", "/v1/config", "/v1/processes"),
    *("/v1/processes/all/config", "/v1/processes/web/config", "/v1/processes/web", "/v1/log?offset=0"),
)


@pytest.mark.parametrize("path", QUESTIONS)
def test_no_answer_of_v1_holds_a_secret(master, path):
    """No answer of /v1 has a secret, although it shows environments, servers and commands."""
    with contextlib.closing(Client(f"unix://{master.socket}")) as client:
        said = client.exchange("GET", path).decode()
    assert said
    assert [secret for secret in SECRETS if secret in said] == []


def test_config_shows_the_rest_of_what_it_hides(master):
    """Hidden values leave names of variables, hosts of URLs and words of commands visible."""
    (section,) = json.loads(master.ctl("config", "web", "--json").stdout)["sections"]
    told = {setting.get("variable", setting["option"]): setting["value"] for setting in section["settings"]}
    assert told["DB_PASSWORD"] == "********"
    assert told["SESSION_SECRET"] == "********"
    assert told["DATABASE_URL"] == "postgres://me:********@db/x?token=********"
    assert told["PORT"] == "80"
    assert told["command"].endswith(" --api-token ******** amqp://me:********@mq/ PASSWORD=********")
    said = master.ctl("config").stdout
    assert "username = me " in said
    assert "  password = ********" in said


def test_supervisors_interface_hides_them_too(master):
    """Commands in getAllConfigInfo, which read-only users may call, have no secrets."""
    with contextlib.closing(Client(f"unix://{master.socket}")) as client:
        body = xmlrpc.client.dumps((), "supervisor.getAllConfigInfo").encode()
        said = client.exchange("POST", "/RPC2", body).decode()
    assert "--api-token ********" in said
    assert [secret for secret in SECRETS if secret in said] == []


# What is wrong with them is at the place of a secret, or beside it.
SPOILT = {
    "environment without quotes": '[program:x]\ncommand=x\nenvironment=PASSWORD=hunter2 hunter2,"hunter2\n',
    "environment with an open quote": "[program:x]\ncommand=x\nenvironment=PASSWORD='hunter2\n",
    "a line of environment that lost its indentation": '[program:x]\ncommand=x\nenvironment=A="1",\nB_PW hunter2\n',
    "a line of a password that lost its indentation": "[unix_http_server]\nfile=/x\nusername=a\npassword=\nhunter2\n",
    "a percent sign in a password": "[unix_http_server]\nfile=/x\nusername=a\npassword=hunter2%\n",
    "an unknown name in a password": "[unix_http_server]\nfile=/x\nusername=a\npassword=%(hunter)shunter2\n",
    "a password without a name": "[unix_http_server]\nfile=/x\npassword=hunter2\n",
    "a password twice": "[unix_http_server]\nfile=/x\nusername=a\npassword=hunter2\npassword=hunter22\n",
    "a hash that is none": "[unix_http_server]\nfile=/x\nusername=a\npassword={SHA}hunter2\n",
    "a misspelt password": "[unix_http_server]\nfile=/x\nusername=a\npasswrod=hunter2\n",
    "a URL with a password where none belongs": "[fcgi-program:x]\ncommand=x\nsocket=http://me:hunter2@x\n",
    "a URL with a password for a port": "[inet_http_server]\nport=me:hunter2@127.0.0.1:x\n",
    "a command with an open quote": "[program:x]\ncommand=x 'http://me:hunter2@x/\n",
    "a file name with a password": "[program:x]\ncommand=x\nstdout_logfile=/nowhere/http://me:hunter2@x/y\n",
    "rest behind a header": "[program:x] password=hunter2\ncommand=x\n",
    "a password before the first section": "password=hunter2\n",
    "a number": "[program:x]\ncommand=x\nnumprocs=PASSWORD=hunter2\n",
}
SPOILT_TOML = {
    "environment of lists": '[program.x]\ncommand = "x"\nenvironment = { PASSWORD = ["hunter2"] }\n',
    "password that is no text": "[unix_http_server]\nfile = '/x'\nusername = 'a'\npassword = ['hunter2']\n",
    "an open text": "[unix_http_server]\nfile = '/x'\nusername = 'a'\npassword = 'hunter2\n",
    "no quotes": "[unix_http_server]\nfile = '/x'\nusername = 'a'\npassword = hunter2\n",
    "a key twice": "[unix_http_server]\nfile = '/x'\npassword = 'hunter2'\npassword = 'hunter2'\n",
    "an unknown table": "[[program.x]]\ncommand = 'x'\nenvironment = { PASSWORD = 'hunter2' }\n",
    "a section that is none": "password = 'hunter2'\n",
}


@pytest.mark.parametrize("name", [*SPOILT, *SPOILT_TOML])
def test_no_complaint_about_a_file_quotes_a_secret(name, tmp_path, capsys):
    """No error message quotes a secret: not of a start, not of `check`, not in its JSON."""
    text = SPOILT.get(name) or SPOILT_TOML[name]
    form = "conf" if name in SPOILT else "toml"
    file = tmp_path / f"f.{form}"
    # An option before the first header has nothing before it.
    bare = form == "toml" or text.startswith("password")
    file.write_text(text if bare else f"[supervisord]\n{text}")
    said = ""
    try:
        said += str(load(str(file)).warnings)
    except ConfigError as error:
        said += str(error)
    main(["check", "-c", str(file)])
    said += capsys.readouterr().out
    main(["check", "--json", "-c", str(file)])
    answer = json.loads(capsys.readouterr().out)
    # The settings of a valid file include its values.
    said += json.dumps([answer["problems"], answer["error"], answer["warnings"]])
    assert answer["problems"]
    assert "hunter2" not in said
