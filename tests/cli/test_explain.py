"""`procman explain` prints what the reference has of an option, a section or a command."""

import pytest

from procman.cli.procman import main
from procman.config.schema.reference import known_names
from procman.config.schema.sections import SECTIONS


def explain(capsys, *words):
    status = main(["explain", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_an_option_has_its_kind_default_and_cost(capsys):
    """What is the same in several sections is printed once, with all of them named."""
    status, out, err = explain(capsys, "stopsignal")
    assert (status, err) == (0, "")
    assert out == (
        "stopsignal  in [program:x] ([program.x] in TOML), [eventlistener:x] ([eventlistener.x] in TOML), "
        "[fcgi-program:x] ([fcgi-program.x] in TOML)\n"
        "    The signal that asks it to end.\n"
        "    kind: signal\n"
        "    default: TERM\n"
        "    on update: in place\n"
    )


@pytest.mark.parametrize("word", ["program.autostart", "program:web.autostart", "program.web.autostart", "autostart"])
def test_an_option_may_have_its_section_in_front(capsys, word):
    """Both forms of the file are understood, with and without the name of a program."""
    assert explain(capsys, word)[1].startswith("autostart  in [program:x]")


def test_everything_in_the_reference_can_be_explained(capsys):
    """Each section and each option has an explanation, by its own name and behind the name of its section."""
    for name in known_names():
        assert explain(capsys, name)[0] == 0
    for known in SECTIONS.values():
        status, out, _ = explain(capsys, *(f"{known.toml}.{name}" for name in known.options), known.ini)
        assert status == 0
        assert known.about.split(".")[0].split()[0] in out


def test_a_command_is_explained_as_its_help_does(capsys):
    """An option of that name goes first."""
    assert explain(capsys, "reread")[1].startswith("reread \t\t\tReload the daemon's configuration files")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["stopsignl"], "there is no such option, section or command; did you mean stopsignal?"),
        (["program.autostrt"], "did you mean program.autostart?"),
        (["xyzzy"], "cannot explain 'xyzzy': there is no such option, section or command\n"),
        ([], "cannot explain without a name: give an option, or a section: supervisord, procman, program,"),
    ],
)
def test_what_cannot_be_explained_is_an_error(capsys, words, said):
    """It guesses, and exits with 2."""
    status, out, err = explain(capsys, *words)
    assert (status, out) == (2, "")
    assert said in err
