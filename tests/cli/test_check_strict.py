"""`procman check --strict`: a warning is no reason not to load a file, and may be one not to accept it."""

import json

import pytest

from procman.cli import procman as command

GOOD = '[program.web]\ncommand = "/bin/cat"\n'
# With a doubt, a limit that is never reached, and with an error.
DOUBTFUL = GOOD + 'backoff = "1s..60s"\nrestart_limit = "20/60s"\n'
BAD = DOUBTFUL + 'stopsignal = "NONE"\n'


@pytest.fixture
def check(tmp_path, capsys):
    """Run `procman check -c FILE WORDS...`; its exit status and its output without the path."""
    file = tmp_path / "procman.toml"

    def run(text, *words):
        file.write_text(text)
        status = command.main(["check", "-c", str(file), *words])
        return status, capsys.readouterr().out.replace(f"{file}: ", "")

    return run


@pytest.mark.parametrize(("text", "usual", "strict"), [(GOOD, 0, 0), (DOUBTFUL, 0, 1), (BAD, 2, 2)])
@pytest.mark.parametrize("more", [[], ["--json"], ["--security"], ["--budget", "1h"]])
def test_a_warning_counts_only_where_that_is_asked_for(check, text, usual, strict, more):
    """What worked yesterday goes on to load; an error is an error either way."""
    assert check(text, *more)[0] == usual
    assert check(text, "--strict", *more)[0] == strict


def test_the_verdict_says_why(check):
    """Below the warning with its place."""
    _, said = check(DOUBTFUL, "--strict")
    assert "1 warning, and --strict allows none; 1 process in 1 group\n" in said
    assert "good; 1 process in 1 group" in check(DOUBTFUL)[1]
    assert json.loads(check(DOUBTFUL, "--strict", "--json")[1])["ok"]
