"""`procman check` recognises servers that go into the background, and says what keeps them in the foreground."""

import pytest

from procman.config.checks.background import goes_into_background
from procman.config.load import read


@pytest.mark.parametrize(
    ("command", "way_out"),
    [
        ("redis-server --port 1 --daemonize yes", "leave --daemonize yes out"),
        ("nginx", "add -g 'daemon off;'"),
        ("/usr/sbin/nginx -c /nowhere.conf", "add -g 'daemon off;'"),
        ("php-fpm", "add -F"),
        ("/usr/sbin/php-fpm8.2 -R", "add -F"),
        ("apache2ctl start", "add -D FOREGROUND"),
        ("sshd", "add -D"),
        ("cron", "add -f"),
        ("crond", "add -f, or -n"),
        ("memcached -d -m 64", "leave -d out"),
        ("mongod --fork", "leave --fork out"),
        ("gunicorn app:app --daemon", "leave --daemon out"),
        ("uwsgi --daemonize=/var/log/x", "leave --daemonize out"),
        ("celery -A x multi start w", "write celery worker"),
        ("docker run -d redis", "leave -d out"),
        ("pm2 start app.js", "write pm2-runtime"),
        ("procman --daemon -c x.toml", "leave that flag out"),
        ("procman run -d -- app", "leave that flag out"),
        ("postfix start", "write postfix start-fg"),
        ("caddy start", "write caddy run"),
        ("service nginx start", "write the command of the daemon itself"),
        ("/etc/init.d/postsrsd start", "write the command of the daemon itself"),
        ("gosu redis redis-server --daemonize yes", "leave --daemonize yes out"),
        ("env A=b nginx", "add -g 'daemon off;'"),
        ("sh -c 'mkdir -p /x && exec nginx'", "add -g 'daemon off;'"),
        ("bash -lc 'service cron start'", "write the command of the daemon itself"),
    ],
)
def test_a_command_that_goes_into_the_background_is_reported(command, way_out):
    """For procman such a program has ended, so it is restarted again and again."""
    told = goes_into_background(command)
    assert told is not None
    assert "nothing supervises" in told
    assert way_out in told


@pytest.mark.parametrize(
    "command",
    [
        "redis-server --daemonize no",
        "redis-server",
        "nginx -g 'daemon off;'",
        'nginx -c /x -g "pid /x; daemon off;"',
        "nginx -t",
        "php-fpm -F",
        "php-fpm8.2 --nodaemonize",
        "apache2ctl -D FOREGROUND",
        "sshd -De",
        "crond -n",
        "memcached -m 64",
        "docker exec x nginx",
        "docker run redis",
        "procman -d /srv -c x.toml",
        "procman run -- app",
        "celery -A x worker",
        "slapd -d 0",
        "sh -c 'nginx && exec sleep 1'",
        "sh",
        "sh -c ''",
        "env",
        "python -d app.py",
        'sh -c "echo \'x"',
        "cat 'x",
        "",
    ],
)
def test_commands_that_stay_in_the_foreground_have_no_warning(command):
    """Unknown programs and invalid commands have no warning either."""
    assert goes_into_background(command) is None


def test_nginx_may_be_told_by_its_own_file(tmp_path):
    """Nginx refuses to be told twice."""
    path = tmp_path / "nginx.conf"
    path.write_text("# daemon off;\nworker_processes 1;\n")
    assert goes_into_background(f"nginx -c {path}") is not None
    path.write_text("worker_processes 1;\n  daemon off;\n")
    assert goes_into_background(f"nginx -c {path}") is None


def test_it_is_a_warning_of_check_once_for_a_program(tmp_path):
    """The warning has the line of the command; a start does not warn."""
    path = tmp_path / "a.toml"
    path.write_text('[program.web]\ncommand = "sh -c nginx"\nnumprocs = 2\nprocess_name = "%(process_num)d"\n')
    [problem] = [problem for problem in read(str(path), places=True).problems if problem.slug == "background"]
    assert (problem.line, problem.option, problem.severity) == (2, "command", "warning")
    assert not [problem for problem in read(str(path)).problems if problem.slug == "background"]
