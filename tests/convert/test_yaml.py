"""The YAML writer: PyYAML reads back what it writes, and its comments are comments."""

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from procman.convert.yaml import Comment, Flow, dump

# A configuration is UTF-8, so there are no surrogates in it.
TEXTS = st.text(st.characters(exclude_categories=("Cs",)))
SCALARS = TEXTS | st.integers() | st.booleans()
FLOWS = st.lists(TEXTS).map(Flow)
VALUES = st.recursive(
    SCALARS | FLOWS,
    lambda inner: st.dictionaries(TEXTS, inner, max_size=4) | st.lists(inner | st.builds(Comment, TEXTS), max_size=4),
    max_leaves=12,
)


def plain(value):
    """The value as a reader should see it: without comments, and with ordinary lists."""
    match value:
        case dict():
            return {key: plain(item) for key, item in value.items() if not isinstance(key, Comment)}
        case tuple() | list():
            return [plain(item) for item in value if not isinstance(item, Comment)]
        case _:
            return value


@given(st.dictionaries(TEXTS | st.builds(Comment, TEXTS), VALUES))
@example({"a": {"b": {}, "c": [], "d": Flow()}})
@example({"a": [Comment("only"), {"k": "v", Comment("between"): None, "l": 1}, {Comment("first"): None, "m": 2}]})
@example({"x": "\u2028\x85\ufeff\x00\x7f\U0001f600"})
def test_what_is_written_is_read_back(document):
    """Any text, nesting and comments survive."""
    document = {key: None if isinstance(key, Comment) else value for key, value in document.items()}
    assert yaml.safe_load(dump(document)) == (plain(document) or None)


@pytest.mark.parametrize(
    "word",
    [
        *("yes", "no", "on", "off", "true", "False", "NULL", "~", "y", "n", "1", "1.5", "0x1f", "1e3", ".5", ".inf"),
        *("1_000", "12:30:45", "2024-01-01", "<<", "=", "a:b", "a:", ":a", "a#b", "a #b", "a,b", "-a", ""),
        *"-?:,[]{}#&*!|>'%@`\"\\ ",
    ],
)
def test_a_word_that_might_be_something_else_stays_a_text(word):
    """Words like YAML 1.1's booleans, numbers, dates and signs are quoted."""
    assert yaml.safe_load(dump({"key": word, word: "value"})) == {"key": word, word: "value"}


def test_ordinary_words_have_no_quotes():
    """The file should be readable."""
    assert dump({"image": "python:3.13-slim", "path": "/etc/x", "count": 3, "on": True}) == (
        'image: python:3.13-slim\npath: /etc/x\ncount: 3\n"on": true\n'
    )


def test_comments_stand_above_what_they_are_about():
    """A comment is indented like the next entry, and comes before the dash of a list."""
    assert dump({Comment("one\ntwo"): None, "a": [{Comment("item"): None, "b": "c", "d": Flow(("e", "f g"))}]}) == (
        '# one\n# two\na:\n  # item\n  - b: c\n    d: ["e", "f g"]\n'
    )


def test_what_it_cannot_write_is_refused():
    """A value of another type is a mistake of the exporter, and raises TypeError."""
    with pytest.raises(TypeError, match="expected a text, a number or a boolean"):
        dump({"a": None})
