"""Expansions are Python's % formatting over a mapping, with understandable messages."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from procman.config.formats.expansion import NotExpanded, expand, takes_all

NAMES = {"here": "/srv", "process_num": 7, "ENV_A": "secret", "ENV_LANGUAGE": "de"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("%(here)s/x", "/srv/x"),
        ("%(process_num)02d", "07"),
        ("%(process_num)s", "7"),
        ("100%%", "100%"),
        ("100%", "100%"),
        ("2.5 %", "2.5 %"),
        ("%%(here)s", "%(here)s"),
        ("%(ENV_A)s%(ENV_A).2s", "secretse"),
    ],
)
def test_names_are_put_in(text, expected):
    """Width, precision and conversion work as in Python."""
    assert expand(text, NAMES) == expected


@pytest.mark.parametrize(
    ("text", "slug", "says"),
    [
        ("%(nope)s", "unknown-expansion", "expected one of here, process_num"),
        ("%(ENV_LANGUGE)s", "unknown-expansion", "did you mean %(ENV_LANGUAGE)s?"),
        ("%Y-%m", "bad-format-string", "write %% for a percent sign"),
        ("100%!", "bad-format-string", "write %%"),
        ("%(here)", "bad-format-string", "write %(here)s"),
        ("%(here)d", "bad-format-string", "write %(here)s"),
        ("%(process_num)", "bad-format-string", "lacks the letter at its end"),
        ("/home/%USER%/x", "bad-format-string", "write %(ENV_USER)s for the variable"),
        ("%(proces_num)d", "unknown-expansion", "did you mean %(process_num)s?"),
        ("%(LANGUAGE)s", "unknown-expansion", "did you mean %(ENV_LANGUAGE)s?"),
        ("%(process_num)09999999999d", "bad-format-string", "longer than 1 MiB"),
        ("%(process_num)" + "9" * 5000 + "d", "bad-format-string", "longer than 1 MiB"),
    ],
)
def test_what_cannot_be_expanded_is_explained(text, slug, says):
    """Messages contain names, but never values of the environment."""
    with pytest.raises(NotExpanded) as caught:
        expand(text, NAMES)
    assert caught.value.slug == slug
    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


@given(st.text(st.sampled_from("%()sdabc059.-+ #h*he"), max_size=14))
def test_any_text_expands_as_python_does_or_is_refused(text):
    """No other exception is raised. A percentage is the only text that Python refuses and we do not."""
    assume(not re.fullmatch(r"\s*\d+(\.\d+)?\s*%\s*", text))
    try:
        ours = expand(text, NAMES)
    except NotExpanded:
        return
    assert ours == text % NAMES


def test_a_conversion_without_a_name_is_noticed():
    """Python would insert the whole mapping."""
    assert takes_all("date +%s")
    assert not takes_all("%%s %(here)s")
