"""The options of one-shots, in both forms, and what cannot go with them."""

import pytest

from procman.config.load import read
from procman.core.spec import Autorestart, ProcessType

HEADS = {
    "conf": "[supervisord]\n[program:migrate]\ncommand=/bin/cat\n",
    "toml": '[procman]\n[program.migrate]\ncommand = "/bin/cat"\n',
}


def loaded(tmp_path, text: str, form: str = "conf"):
    path = tmp_path / f"p.{form}"
    path.write_text(HEADS[form] + text)
    return read(str(path))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("conf", "type=oneshot\nrun_timeout=1m30s\nunknown_exit=success\n"),
        ("toml", 'type = "oneshot"\nrun_timeout = "1m30s"\nunknown_exit = "success"\n'),
    ],
)
def test_both_forms_say_the_same(tmp_path, form, text):
    """A one-shot is RUNNING at once, is not restarted, and has no retries unless the file says so."""
    program = loaded(tmp_path, text, form).config.groups[0].programs[0]
    assert program.type is ProcessType.ONESHOT
    assert (program.run_timeout, program.unknown_exit) == (90, "success")
    assert (program.startsecs, program.startretries, program.autorestart) == (0, 0, Autorestart.NEVER)


def test_retries_are_those_of_the_file(tmp_path):
    """Also from [DEFAULT]; what else stands there is for services."""
    assert loaded(tmp_path, "type=oneshot\nstartretries=2\n").config.groups[0].programs[0].startretries == 2
    path = tmp_path / "d.conf"
    path.write_text("[DEFAULT]\nautorestart=true\nstartsecs=5\nstartretries=4\n" + HEADS["conf"] + "type=oneshot\n")
    program = read(str(path)).config.groups[0].programs[0]
    assert (program.startsecs, program.startretries, program.autorestart) == (0, 4, Autorestart.NEVER)


def test_a_service_is_as_it_was(tmp_path):
    """Without type, and with type=service."""
    for text in ("", "type=service\n"):
        program = loaded(tmp_path, text).config.groups[0].programs[0]
        assert (program.type, program.startsecs, program.startretries) == (ProcessType.SERVICE, 1, 3)


@pytest.mark.parametrize(
    ("lines", "option", "words"),
    [
        ("type=oneshot\nautorestart=true", "autorestart", "startretries is for a run that fails: take it out"),
        ("type=oneshot\nautorestart=false", "autorestart", "take it out"),
        ("type=oneshot\nstartsecs=5", "startsecs", "may end as quickly as it likes: take it out"),
        ("type=oneshot\nearly_exit=judge", "early_exit", "take it out"),
        (
            "command=x\nrun_timeout=5",
            "run_timeout",
            "only a one-shot has a run_timeout: take it out, or write type = oneshot",
        ),
        ("command=x\ntype=onshot", "type", "expected one of service, oneshot; did you mean oneshot?"),
    ],
)
def test_what_makes_no_sense_is_an_error_with_its_line(tmp_path, lines, option, words):
    """With the way out."""
    (problem,) = [str(one) for one in loaded(tmp_path, lines).problems if one.severity == "error"]
    assert f"p.conf:5: [program:migrate] {option}: " in problem
    assert words in problem


@pytest.mark.parametrize(
    ("section", "who"),
    [
        ("[eventlistener:x]\ncommand=/bin/cat\nevents=TICK_5\n", "an event listener"),
        ("[fcgi-program:x]\ncommand=/bin/cat\nsocket=tcp://localhost:9\n", "a FastCGI program"),
    ],
)
def test_what_has_to_stay_up_is_no_oneshot(tmp_path, section, who):
    """Neither a listener nor a FastCGI program."""
    path = tmp_path / "p.conf"
    path.write_text(f"[supervisord]\n{section}type=oneshot\n")
    (problem,) = [str(one) for one in read(str(path)).problems]
    assert f"p.conf:5: [{section[1:].partition(']')[0]}] type: {who} stays up" in problem
