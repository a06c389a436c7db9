"""Secrets are masked, and nothing else is."""

import pytest

from procman.config.secrets import MASK, is_secret, masked, masked_value, masked_variables


@pytest.mark.parametrize(
    "name",
    [
        *(
            "password",
            "readonly_password",
            "DB_PASSWORD",
            "PGPASSWORD",
            "MYSQL_PWD",
            "passwd",
            "ssh-passphrase",
            "DB_PASS",
        ),
        *(
            "SECRET_KEY",
            "clientSecret",
            "AWS_SECRET_ACCESS_KEY",
            "API_TOKEN",
            "tokens",
            "apiKey",
            "X-API-KEY",
            "api.key",
        ),
        *("PRIVATE_KEY", "ENCRYPTION_KEYS", "GOOGLE_CREDENTIALS", "HTTP_AUTH", "SENTRY_DSN", "SESSION_COOKIE", "SALT"),
    ],
)
def test_a_name_that_tells_of_a_secret(name):
    """Any combination of words is recognised."""
    assert is_secret(name)
    assert masked_value(name, "hunter2") == MASK


@pytest.mark.parametrize(
    "name", ["PWD", "OLDPWD", "PATH", "HOME", "KEYBOARD", "username", "AUTHOR", "port", "PASSENGER_ROOT", "MONKEY", ""]
)
def test_a_name_that_tells_of_none(name):
    """Some of these names only resemble those of secrets."""
    assert not is_secret(name)
    assert masked_value(name, "/srv/app") == "/srv/app"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://me:hunter2@db/x", f"postgres://me:{MASK}@db/x"),
        ("http://:p@ss@h:1/?token=abc&page=2", f"http://:{MASK}@h:1/?token={MASK}&page=2"),
        ("app --password hunter2 --port 80", f"app --password {MASK} --port 80"),
        ("app --db-password=hunter2 x", f"app --db-password={MASK} x"),
        ("app --password='two words' x", f"app --password='{MASK}' x"),
        ("env API_KEY=abc LANG=C app", f"env API_KEY={MASK} LANG=C app"),
        ('curl -H "Authorization: Bearer abc.def" http://x/', f'curl -H "Authorization: Bearer {MASK}" http://x/'),
        ("curl -H 'Authorization: Basic YTpi'", f"curl -H 'Authorization: Basic {MASK}'"),
        ("curl -H 'X-Api-Key: abc' -H X-Auth-Token:abc x", f"curl -H 'X-Api-Key: {MASK}' -H X-Auth-Token:{MASK} x"),
        ("curl -u me:hunter2 --user 'me:hunter2' x", f"curl -u me:{MASK} --user 'me:{MASK}' x"),
        ("git clone https://ghp_abc@host/x", f"git clone https://{MASK}@host/x"),
        ("redis-server --requirepass hunter2", f"redis-server --requirepass {MASK}"),
        ("redis-cli -h db -a hunter2 ping", f"redis-cli -h db -a {MASK} ping"),
        ("mysqldump -u root -phunter2 db", f"mysqldump -u root -p{MASK} db"),
        ("sshpass -p hunter2 ssh x", f"sshpass -p {MASK} ssh x"),
        ("app -password hunter2 '--token' 'abc'", f"app -password {MASK} '--token' '{MASK}'"),
        ("""app --set '{"password": "a b", "port": 1}'""", f"""app --set '{{"password": "{MASK}", "port": 1}}'"""),
        ("app 'Server=x;Pwd=hunter2;Uid=y'", f"app 'Server=x;Pwd={MASK};Uid=y'"),
        ("app http://x/?X-Amz-Signature=abc", f"app http://x/?X-Amz-Signature={MASK}"),
    ],
)
def test_a_secret_within_a_text_is_hidden(text, shown):
    """The text around it stays readable."""
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("gunicorn app:main --bind 0.0.0.0:80", "ssh://git@host/x", "http://host:80/@x", "a=b --password --port 80"),
        *("docker run -u 1000:1000 --user me:9 x", "mysql -p db", "rsync -a x y", "PWD=/srv app", "env PWD=$HOME x"),
        *("redis://token@h:1/x", "app --listen auth:80/x", "-p 80", "a: b", "secret:/x"),
        *("sh -c 'x=$(y); echo $x'", "--", "://", "", "cat /run/secrets/password", "http://[::1]:9001/"),
    ],
)
def test_a_text_without_a_secret_stays_as_it_is(text):
    """Every byte of it is unchanged."""
    assert masked(text) == text


def test_an_empty_secret_is_seen_to_be_empty():
    """An empty password is a mistake that must be visible."""
    assert masked_variables({"PASSWORD": "", "A": "http://a:b@c"}) == {"PASSWORD": "", "A": f"http://a:{MASK}@c"}
