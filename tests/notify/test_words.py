"""What a message says, and how Slack, Discord, templates and commands get it."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from procman.config.schema.kinds.notifications import TEMPLATE_NAMES
from procman.config.schema.notify import Notify
from procman.notify.message import Item, Message
from procman.notify.words import LONGEST_TEXT, Sender, body_of, fields_of, text_of, variables_of

SENDER = Sender("box", "supervisor")
WEB = Item(event="exit", process="site:web", group="site", words="exit status 3", count=1, total=4, since=5.0)
DB = Item(
    event="fatal",
    process="db",
    group="db",
    words="exit status 1; its last line on stderr: boom",
    count=3,
    total=3,
    since=9.0,
)
ONE = Message(id="7-1", section="ops", at=12.5, items=(WEB,))
BOTH = replace(ONE, items=(WEB, DB), more=2)
TEST = Message(id="7-2", section="ops", at=12.5, test=True)


def rule(**options):
    return Notify(name="ops", **{"webhook": "https://example.com/secret", **options})


def body(message=BOTH, **options):
    return json.loads(body_of(rule(**options), message, SENDER))


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (ONE, "procman on box: site:web has failed: exit status 3"),
        (
            BOTH,
            (
                "procman on box:\nsite:web has failed: exit status 3\n"
                "db is FATAL (3 failures since the last message): exit status 1; its last line on stderr: boom\n"
                "and 2 more"
            ),
        ),
        (
            replace(ONE, items=(replace(WEB, event="recovered"),)),
            "procman on box: site:web has recovered after 4 failures",
        ),
        (replace(ONE, items=(replace(WEB, event="oom"),)), "procman on box: site:web ran out of memory: exit status 3"),
        (TEST, "procman on box: this is a test of [notify:ops]"),
    ],
)
def test_the_text_is_for_people(message, text):
    """A line for each process; a single one stands beside the name of the machine."""
    assert text_of(message, SENDER) == text


def test_a_long_text_is_cut():
    """Discord refuses more than 2,000 characters."""
    items = tuple(replace(WEB, words="x" * 300) for _ in range(20))
    assert len(text_of(replace(ONE, items=items), SENDER)) == LONGEST_TEXT


def test_slack_gets_text_that_calls_nobody():
    """The last words of a program are not markup."""
    shouting = replace(ONE, items=(replace(WEB, words="<!channel> & all"),))
    assert body(shouting, format="slack") == {"text": "procman on box: site:web has failed: &lt;!channel&gt; &amp; all"}


def test_discord_gets_content_that_calls_nobody():
    sent = body(format="discord")
    assert sent["content"].startswith("procman on box:")
    assert sent["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://hooks.slack.com/services/T/B/x", "text"),
        ("https://discord.com/api/webhooks/1/x", "content"),
        ("https://ptb.discord.com/api/webhooks/1/x", "content"),
        ("https://hooks.slack.com.example.com/", "processes"),
        ("http://localhost:9093/x", "processes"),
    ],
)
def test_the_format_follows_from_the_host(url, key):
    """Only the hosts of the services themselves count."""
    assert key in body(webhook=url)


def test_json_has_every_field():
    sent = body()
    assert sent == fields_of(BOTH, SENDER)
    assert (sent["event"], sent["section"], sent["more"], sent["time"]) == ("fatal", "ops", 2, 12.5)
    assert sent["processes"][0] == {
        "event": "exit",
        "process": "site:web",
        "group": "site",
        "reason": "exit status 3",
        "count": 1,
        "total": 4,
        "since": 5.0,
    }


def test_a_template_gets_the_worst_process():
    template = '{"routing_key": "k$$", "summary": "${text}", "who": "$process", "n": ${count}, "why": "${reason}"}'
    assert body(template=template) == {
        "routing_key": "k$",
        "summary": text_of(BOTH, SENDER),
        "who": "db",
        "n": 3,
        "why": DB.words,
    }


@given(st.text(max_size=300))
def test_whatever_a_program_says_a_template_stays_json(words):
    """Quotes, backslashes and line ends in what is inserted are escaped."""
    message = replace(ONE, items=(replace(WEB, words=words),))
    assert body(message, template='{"why": "${reason}"}') == {"why": words}
    assert body(message)["processes"][0]["reason"] == words


def test_a_command_gets_the_names_of_a_template_as_variables():
    """PROCMAN_ID marks descendants, so the id of the message has another name."""
    variables = variables_of(BOTH, SENDER)
    assert variables.keys() == {f"PROCMAN_{name.upper()}" for name in TEMPLATE_NAMES} - {"PROCMAN_ID"} | {
        "PROCMAN_MESSAGE_ID"
    }
    assert (variables["PROCMAN_PROCESS"], variables["PROCMAN_EVENT"], variables["PROCMAN_MESSAGE_ID"]) == (
        "db",
        "fatal",
        "7-1",
    )


def test_a_variable_holds_no_nul_byte():
    """None can be passed to a program."""
    assert variables_of(replace(ONE, items=(replace(WEB, words="a\0b"),)), SENDER)["PROCMAN_REASON"] == "ab"


def test_the_data_of_a_message_come_back():
    assert Message.from_data(json.loads(json.dumps(BOTH.to_data()))) == BOTH
