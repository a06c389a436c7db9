"""The readers of foreign forms: what they make of odd input, and the place that they name when they refuse it."""

import json
import random
import sys

import pytest

from procman.convert.imports import circus, compose, compose_keys, pm2, process_compose, procfile, supervisord, systemd
from procman.convert.imports.javascript import literal_of
from procman.convert.imports.report import Fate
from procman.convert.imports.shapes import MAPPING
from procman.convert.imports.shell_variables import fill_in
from procman.convert.imports.source import Source, Unreadable
from procman.convert.imports.systemd_units import cron_of
from procman.convert.imports.unit_words import words_of
from procman.convert.imports.values import bytes_of, seconds_of, signal_of
from procman.convert.imports.yaml_tree import MOST_NODES, yaml_of
from procman.errors import BadRequest, ProcmanError

ALL = (supervisord, procfile, compose, systemd, process_compose, pm2, circus)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("services:\n  web:\n   command: [a\n", "c.yaml:4:1: "),
        ("services:\n\tweb: x\n", "c.yaml:2:1: "),
        ("a: &x [*x]\n", "c.yaml:1:4: "),
        ("? [a]\n: 1\n", "c.yaml:1:3: "),
        ("ö: \x01\n", "c.yaml:1:4: "),
        ("a: 1\nb: 2\na: 3\n", "c.yaml:3:1: a stands in line 1, too"),
        ("a:\n " + "[" * 101, "c.yaml:"),
        ("a:\n " + "[" * 101 + "]" * 101, "c.yaml:2:101: it is nested too deeply"),
        ("a: b\n  c: d\n", "c.yaml:2:"),
    ],
)
def test_broken_yaml_has_its_line(text, place):
    """The complaint begins with the file, the line and where there is one the column."""
    with pytest.raises(Unreadable) as error:
        yaml_of(Source("c.yaml", text))
    assert str(error.value).startswith(place)


def test_a_bomb_of_aliases_is_refused():
    """Nine levels of nine aliases stand for more values than any file has; they are never made."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(Unreadable, match=f"more than {MOST_NODES:,} values"):
        yaml_of(Source("c.yaml", "\n".join(lines)))


def test_deep_nesting_is_refused():
    """Neither YAML nor JavaScript can exhaust the stack."""
    with pytest.raises(Unreadable, match="nest"):
        yaml_of(Source("c.yaml", "[" * 5000 + "]" * 5000))
    with pytest.raises(Unreadable, match="nested too deeply"):
        literal_of(Source("e.js", "[" * 5000))


def test_without_pyyaml_it_says_what_to_install(monkeypatch):
    """The extra is named."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ProcmanError, match=r"pip install 'procman\[import\]'"):
        yaml_of(Source("c.yaml", "a: 1"))


def test_yaml_keeps_texts_as_they_are_written():
    """What YAML 1.1 takes for numbers and booleans is its text, where a text is meant."""
    node = yaml_of(Source("c.yaml", "{a: 1.10, b: yes, c: 22:22, d: 0755, e: ~, f: 2024-01-01}"))
    assert [item.text for item in node.mapping.values()] == ["1.10", "yes", "22:22", "0755", "", "2024-01-01"]


@pytest.mark.parametrize(
    "text",
    [
        "const path = require('path');\nmodule.exports = { apps: [] }",
        "module.exports = { apps: [{ name: 'x', script: `${NAME}.js` }] }",
        "module.exports = { apps: [{ instances: os.cpus().length }] }",
        "module.exports = { apps: [{ max: 1024 * 1024 }] }",
        "module.exports = { apps: [...others] }",
        "module.exports = { apps: [{ script: 'a' + 'b' }] }",
        "module.exports = { apps: [] }; console.log(1)",
    ],
)
def test_what_is_more_than_a_literal_is_refused_with_advice(text):
    """Nothing is guessed: the complaint has the place, and the command that makes JSON of it."""
    with pytest.raises(Unreadable, match=r"e\.js:\d+:\d+: .*node -p"):
        literal_of(Source("e.js", text))


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("e.json", '{"apps": [}', "e.json:1:11: cannot read on here: this is no JSON; mend it"),
        ("e.json", '{"apps": [', "e.json:1:11: the text ends too early: is a }, a ] or a quote missing?"),
        ("e.js", "{ name: 'open }", "e.js:1:16: the text ends too early: is a }, a ] or a quote missing?"),
        ("e.js", "", "e.js:1:1: the text ends too early: is a }, a ] or a quote missing?"),
    ],
)
def test_what_is_broken_is_no_program(file, text, complaint):
    """Node could not read it, either."""
    with pytest.raises(Unreadable) as error:
        literal_of(Source(file, text))
    assert str(error.value) == complaint


def test_literals_of_javascript_are_read_as_node_reads_them():
    """Quotes, escapes, comments, commas at the end, numbers and words have JavaScript's meaning."""
    text = r"""
    // a comment
    module.exports = { /* another */ 'a-b': "x\n\u0041\x42", c: 'it\'s', 3: -1.5, d: [1, 0x10, 1_000,], e: true,
      f: null, g: undefined, h: `multi
line`, };
    """
    node = literal_of(Source("e.js", text)).node
    found = {key: item.value for key, item in node.mapping.items()}
    assert found["a-b"] == "x\nAB"
    assert (found["c"], found["3"], found["e"], found["f"], found["h"]) == ("it's", -1.5, True, None, "multi\nline")
    assert [item.value for item in node.mapping["d"].items] == [1, 16, 1000]


@pytest.mark.parametrize(
    ("event", "schedule"),
    [
        ("daily", ("0 0 * * *", "")),
        ("*-*-* 04:00:00", ("0 4 * * *", "")),
        ("Mon..Fri 02:30", ("30 2 * * mon-fri", "")),
        ("Sat,Sun *-*-* 10:00", ("0 10 * * sat,sun", "")),
        ("*:0/15", ("0-59/15 * * * *", "")),
        ("*-*-01 00:00", ("0 0 1 * *", "")),
        ("*-1,7-01 06:30:00 Europe/Berlin", ("30 6 1 1,7 *", "Europe/Berlin")),
        ("Fri *-*-13 00:00", None),
        ("*-*-* *:*:30", None),
        ("2026-12-24 10:00", None),
        ("tomorrow", None),
    ],
)
def test_calendar_events_that_cron_can_say(event, schedule):
    """Others are refused rather than approximated."""
    assert cron_of(event) == schedule


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a 'b c' \"d e\" f\\ g", ["a", "b c", "d e", "f\\ g"]),
        ("\"\\x41\\u00e9\\n\" ''", ["Aé\n", ""]),
        ("--x='y z'", ["--x=y z"]),
    ],
)
def test_words_of_units(text, words):
    """Quotes and escapes are those of systemd.syntax(7)."""
    assert [word.text for word in words_of(text)] == words


@pytest.mark.parametrize("variable", ["$MAINPID", "${MAINPID}", "$$MAINPID", "$${MAINPID}"])
def test_a_hook_of_a_unit_knows_the_pid_by_its_name_here(variable):
    """Whether systemd fills it in, or a shell in the command does."""
    text = f"[Service]\nExecStart=/bin/a\nExecStartPost=/bin/sh -c 'kill -0 {variable} && echo up'\n"
    draft = systemd.read([Source("a.service", text)]).text()
    assert "PROCMAN_PID" in draft
    assert "MAINPID" not in draft


def test_a_service_takes_the_sockets_that_it_names():
    """Also those of units with another name; one that is not imported is lost."""
    sources = [
        Source("a.service", "[Service]\nExecStart=/bin/a\nSockets=a.socket b.socket c.socket\n"),
        Source("a.socket", "[Socket]\nListenStream=8080\n"),
        Source("b.socket", "[Socket]\nListenStream=8081\n"),
    ]
    draft = systemd.read(sources)
    assert 'sockets = ["a", "b"]' in draft.text()
    lost = [(remark.key, remark.how) for remark in draft.report.of(Fate.LOST)]
    assert lost == [("[Service] Sockets", "c.socket is not imported")]


def test_variables_of_compose():
    """A variable is one of procman's environment; a default is written; $$ is a dollar; a percent sign is escaped."""
    filled = fill_in("$A/${B}/${C:-c}/${D-}/$$E/5%/${F:?no}/$ {")
    assert filled.text == "%(ENV_A)s/%(ENV_B)s/c//$E/5%%/%(ENV_F)s/$ {"
    assert filled.needs == ("A", "B", "F")


def test_durations_sizes_and_signals():
    """Each engine's way to write them gives the same value."""
    assert [seconds_of(text) for text in ("1m30s", "1min 30s", "90", "1.5h", "x", "")] == [90, 90, 90, 5400, None, None]
    assert [bytes_of(text) for text in ("512m", "1G", "1.5GB", "100", "x")] == [2**29, 2**30, 3 * 2**29, 100, None]
    assert [signal_of(text) for text in ("SIGTERM", "int", "9", "99", "x")] == ["TERM", "INT", "KILL", None, None]


@pytest.mark.parametrize("module", ALL, ids=lambda module: module.__name__.rpartition(".")[2])
def test_no_text_makes_a_traceback(module):
    """Garbage, truncated files and files of other forms are refused with an error of procman's own, or imported."""
    good = {
        "supervisord": "[supervisord]\n[program:x]\ncommand=a\nenvironment=A=1\n",
        "procfile": "web: a $PORT\nrelease: b\n",
        "compose": "services:\n  a: {command: x, depends_on: [b], healthcheck: {test: x}}\n  b: {command: y}\n",
        "systemd": "[Unit]\nAfter=b.service\n[Service]\nExecStart=/a b\nRestart=always\n[Install]\nWantedBy=x\n",
        "process_compose": "processes:\n  a: {command: x, depends_on: {b: {condition: c}}, liveness_probe: {}}\n",
        "pm2": "module.exports = { apps: [{ name: 'a', script: 'b.js', env: { C: 1 }, watch: ['x'] }] };\n",
        "circus": "[watcher:a]\ncmd = x\nnumprocesses = 2\n[env:a]\nB = 1\n[socket:s]\nport = 1\n",
    }
    texts = [*good.values(), "", "\n", "[", "{}", "[]", "null", "a: b", "services: 1", "services: {a: 1, b: [x]}"]
    texts += ["processes: {a: {availability: 1, command: [x]}}", "{apps: [1, {}, {script: []}]}", "[watcher:a]\ncmd\n"]
    chance = random.Random(14)
    for text in good.values():
        for _ in range(60):
            at, length = chance.randrange(len(text)), chance.randrange(1, 6)
            piece = chance.choice(["", "{", "]", ":", "\n", "=", "%", "'", '"', "$", "\\", "0", " - ", "\t", "é"])
            texts.append(text[:at] + piece + text[at + length :])
    for text in texts:
        try:
            module.read([Source("Procfile" if module is procfile else "a.service", text)]).text()
        except (Unreadable, BadRequest, ProcmanError):
            continue


def reported(engine, **keys):
    """The keys of one program that the report calls lost."""
    program = {"command": "sleep 1", **keys} if engine is not pm2 else {"name": "web", "script": "a.js", **keys}
    whole = {"apps": [program]} if engine is pm2 else {"services": {"web": program}, "processes": {"web": program}}
    draft = engine.read([Source("e.json", json.dumps(whole))])
    return {remark.key.rpartition(".")[2] for remark in draft.report.of(Fate.LOST)}


@pytest.mark.parametrize(
    ("engine", "shapes"), [(compose, compose_keys.SHAPES), (process_compose, process_compose.SHAPES), (pm2, pm2.SHAPES)]
)
def test_a_value_of_another_shape_is_reported(engine, shapes):
    """What a key says in a form that it does not have is never dropped without a word."""
    for key in shapes:
        odd = {"unheard": ["of"]} if shapes[key] is not MAPPING else ["of"]
        # Without a command, the whole program is lost.
        assert {key, "web"} & reported(engine, **{key: odd}), key
        assert key not in reported(engine, **{key: None}), key
    assert "watch" in reported(compose, develop={"watch": ["src"]})
    assert "schedule" in reported(process_compose, schedule={"interval": "soon", "unheard": 1})
    assert "pre_stop" in reported(compose, pre_stop=[{"user": "x"}])
