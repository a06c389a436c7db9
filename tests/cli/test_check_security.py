"""`procman check --security`: its lines, its JSON and its exit statuses."""

import json

import pytest

from procman.cli import procman as command
from procman.config.security_review import NOT_RATED

FILE = """\
[program.web]
command = "/bin/true"
user = "nobody"
no_new_privs = true
private_tmp = true
environment_inherit = "none"
umask = "027"
"""


@pytest.fixture
def check(tmp_path, capsys):
    """Run `procman check -c FILE WORDS...`; its exit status, its output behind the verdict, and its complaints."""
    file = tmp_path / "procman.toml"

    def run(*words, text=FILE):
        file.write_text(text)
        try:
            status = command.main(["check", "-c", str(file), *words])
        except SystemExit as end:
            status = end.code
        out, err = capsys.readouterr()
        return status, out.partition("in 1 group\n")[2] if "good;" in out else out, err

    return run


def test_one_line_for_each_finding_and_the_line_to_add(check):
    """The heaviest first; then what was not rated. It is no error."""
    everything = 'read_only_paths = "/" and read_write_paths = what it writes to'
    status, out, _ = check("--security")
    assert status == 0
    assert out.splitlines() == [
        "[program:web]: exposure 1.9 of 10",
        f"   1.5  it may write wherever modes of files let it  {everything}",
        '   1.5  it sees into home directories                inaccessible_paths = "?/home, ?/root"',
        *(f"not rated: {text}" for text in NOT_RATED),
    ]


def test_max_is_for_ci(check):
    """Status 1 above it, in JSON, too; 0 at or below it."""
    status, out, _ = check("--security", "--max", "1")
    assert (status, out.splitlines()[0], out.splitlines()[-1]) == (
        1,
        "[program:web]: exposure 1.9 of 10, more than --max 1",
        "--max 1: 1 of 1 program above it",
    )
    assert check("--security", "--max", "1.9")[0] == 0
    status, out, _ = check("--security", "--max=1", "--json")
    security = json.loads(out)["security"]
    assert (status, security["max"], security["programs"][0]["exposure"]) == (1, 1, 1.9)
    assert check("--security", "--json")[0] == 0
    assert "security" not in json.loads(check("--json")[1])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--max", "5"), "--max is for --security: write procman check --security --max 5"),
        (("--security", "--max", "11"), "--max 11: expected a number from 0 to 10, such as 5"),
        (("--security", "--max", "nan"), "--max nan: expected a number from 0 to 10, such as 5"),
    ],
)
def test_bad_usage_is_said(check, words, why):
    """With the way out, and status 2."""
    status, _, err = check(*words)
    assert status == 2
    assert why in err


def test_a_file_that_cannot_be_used_is_not_rated(check):
    """Its status is 2."""
    status, out, _ = check("--security", "--max", "5", text="[program.web]\n")
    assert (status, "exposure" in out) == (2, False)
