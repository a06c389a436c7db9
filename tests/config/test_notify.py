"""The notify sections: what is accepted, what is refused, and with which words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.config.diff import diff_notify
from procman.config.load import read
from procman.config.schema.notify import Notify
from procman.config.snapshot import read_config, write_config
from procman.config.stop_plan import stop_plan

MAIN = "[supervisord]\n[program:web]\ncommand=cat\n[program:api]\ncommand=cat\n[group:site]\nprograms=api\n"
HOOK = "webhook=https://hooks.example.com/T0KEN\n"


def judged(tmp_path, text, name="f.conf"):
    path = tmp_path / name
    path.write_text(text)
    return read(str(path))


def section(tmp_path, lines):
    loaded = judged(tmp_path, f"{MAIN}[notify:ops]\n{lines}")
    assert loaded.config is not None, loaded.problems
    [rule] = loaded.config.notify
    return rule


def complaints(tmp_path, lines):
    loaded = judged(tmp_path, f"{MAIN}[notify:ops]\n{lines}")
    assert all(problem.line for problem in loaded.problems)
    return [(problem.severity, problem.option, problem.message) for problem in loaded.problems]


def test_the_defaults(tmp_path):
    """Everything that is bad, of everything that runs."""
    rule = section(tmp_path, HOOK)
    assert rule == Notify(name="ops", webhook="https://hooks.example.com/T0KEN")
    assert (rule.on, rule.programs, rule.interval) == (("fatal", "oom", "exit", "unhealthy", "recovered"), ("all",), 60)


def test_both_forms_say_the_same(tmp_path):
    """Lists are in brackets in TOML, durations have units in both."""
    ini = section(
        tmp_path, 'on=fatal, exit\nprograms=web,site:*\nexec=mail -s "x y" me\ninterval=5m\nrecovered_after=30s'
    )
    toml = judged(
        tmp_path,
        '[program.web]\ncommand = "cat"\n[program.api]\ncommand = "cat"\n[group.site]\nprograms = ["api"]\n'
        "[notify.ops]\n"
        'on = ["exit", "fatal"]\nprograms = ["web", "site:*"]\nexec = ["mail", "-s", "x y", "me"]\n'
        'interval = "5m"\nrecovered_after = 30\n',
        "f.toml",
    )
    [rule] = toml.config.notify
    assert (rule.on, rule.programs, rule.interval, rule.recovered_after) == (
        ini.on,
        ini.programs,
        ini.interval,
        ini.recovered_after,
    )
    assert toml.problems == ()


@pytest.mark.parametrize(
    ("lines", "option", "words"),
    [
        ("on=fatal\n", None, "does not say how to tell somebody: add webhook = https://… or exec = COMMAND"),
        (f"{HOOK}exec=mail\n", "exec", "either webhook or exec"),
        ("exec=\n", "exec", "expected a command"),
        (f"{HOOK}on=health\n", "on", "did you mean unhealthy?"),
        (f"{HOOK}on=fatl\n", "on", "did you mean fatal?"),
        (f"{HOOK}on=crash\n", "on", "did you mean exit?"),
        (f"{HOOK}on=\n", "on", "expected at least one of fatal, oom, exit, unhealthy, recovered"),
        (f"{HOOK}format=teams\n", "format", "expected one of slack, discord, json"),
        (f'{HOOK}format=slack\ntemplate={{"a": "$text"}}\n', "template", "either format or template"),
        ("exec=mail\nformat=json\n", "format", "format belongs to webhook"),
        (f"{HOOK}template={{$text}}\n", "template", "no JSON when its names are filled in"),
        (f'{HOOK}template={{"a": "${{txt}}"}}\n', "template", "did you mean text?"),
        (f'{HOOK}template={{"a": "5 $"}}\n', "template", "write $$ for a dollar sign"),
        (f"{HOOK}interval=0\n", "interval", "expected a duration above 0"),
        (f"{HOOK}programs=,\n", "programs", "names no program"),
        ("webhook=hooks.example.com/T0KEN\n", "webhook", "expected an http:// or https:// URL with a host"),
        ("webhook=ftp://example.com/T0KEN\n", "webhook", "expected an http:// or https:// URL with a host"),
        ("webhook=https:///T0KEN\n", "webhook", "expected an http:// or https:// URL with a host"),
        ("webhook=https://example.com:99999/T0KEN\n", "webhook", "a port from 1 to 65535"),
        ("webhook=https://example.com/T0 KEN\n", "webhook", "a blank or a control character"),
        ("webhook=https://example.com/T0KENé\n", "webhook", "not ASCII"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, lines, option, words):
    """The message names the option and the way out, and never the URL."""
    found = complaints(tmp_path, lines)
    assert any(severity == "error" and name == option and words in text for severity, name, text in found), found
    assert "T0KEN" not in json.dumps(found)


@pytest.mark.parametrize(
    ("lines", "option", "words"),
    [
        ("webhook=http://example.com/T0KEN\n", "webhook", "sent unencrypted"),
        (f"{HOOK}programs=web, wob\n", "programs", "no process has the name 'wob'; did you mean web?"),
        (f"{HOOK}programs=sites:*\n", "programs", "no process has the name 'sites:*'; did you mean site:*?"),
        (f"{HOOK}programs=site\n", "programs", "no process has the name 'site'; did you mean site:*?"),
        (f"{HOOK}programs=api\n", "programs", "no process has the name 'api'; did you mean site:api?"),
        (f"{HOOK}programs=x*\n", "programs", "no process has the name 'x*'"),
        (f"{HOOK}url=x\n", "url", "there is no such option"),
    ],
)
def test_what_is_hardly_meant_is_a_warning(tmp_path, lines, option, words):
    found = complaints(tmp_path, lines)
    assert any(severity == "warning" and name == option and words in text for severity, name, text in found), found
    assert "T0KEN" not in json.dumps(found)


@pytest.mark.parametrize("programs", ["all", "web", "site:api", "site:*", "site:", "w*", "*", "site:a?i"])
def test_names_are_those_of_procmanctl(tmp_path, programs):
    assert complaints(tmp_path, f"{HOOK}programs={programs}\n") == []


@pytest.mark.parametrize("url", ["http://localhost:9093/x", "http://127.0.0.1/x", "http://[::1]:80/x"])
def test_this_machine_may_be_told_unencrypted(tmp_path, url):
    assert complaints(tmp_path, f"webhook={url}\n") == []


def test_the_url_may_come_from_the_environment(tmp_path, monkeypatch):
    """So the file holds no secret."""
    monkeypatch.setenv("HOOK", "https://example.com/x")
    assert section(tmp_path, "webhook=%(ENV_HOOK)s\n").webhook == "https://example.com/x"


def test_there_may_be_so_many(tmp_path):
    text = MAIN + "".join(f"[notify:n{number}]\n{HOOK}" for number in range(33))
    [problem] = judged(tmp_path, text).problems
    assert "there may be 32 such sections at most" in problem.message


def test_a_shutdown_may_take_longer_for_last_words(tmp_path):
    """Two seconds, whatever the number of sections."""
    plain, telling = (
        judged(tmp_path, MAIN).config,
        judged(tmp_path, f"{MAIN}[notify:a]\n{HOOK}[notify:b]\n{HOOK}").config,
    )
    assert stop_plan(telling).needed == stop_plan(plain).needed + 2


def test_another_process_image_reads_the_same(tmp_path):
    """One that does not know the sections yet has none."""
    config = judged(tmp_path, f"{MAIN}[notify:ops]\n{HOOK}on=fatal\n").config
    data = json.loads(json.dumps(write_config(config)))
    assert read_config(data).notify == config.notify
    del data["notify"]
    assert read_config(data).notify == ()


def test_differences_are_found_by_name_and_option():
    one, other = Notify(name="a", exec="x"), Notify(name="a", exec="y", interval=5)
    assert diff_notify([one, Notify(name="b")], [other, Notify(name="c")]) == {
        "a": ("changed", ("exec", "interval")),
        "b": ("removed", ()),
        "c": ("added", ()),
    }
    assert diff_notify([one], [one]) == {}


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\n\r\0"), max_size=60),
    st.sampled_from(["webhook", "template", "on", "programs"]),
)
def test_any_value_is_accepted_or_refused_in_words(tmp_path_factory, value, option):
    """No value is a traceback."""
    loaded = judged(tmp_path_factory.getbasetemp(), f"{MAIN}[notify:ops]\n{option}={value}\n", "any.conf")
    assert loaded.config is not None or loaded.problems
