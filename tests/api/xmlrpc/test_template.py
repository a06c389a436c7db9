"""A struct from a template is written as the same bytes as one without."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from procman.api.xmlrpc.wire import Template, weight, write_answer

# What has to be escaped, what XML cannot say at all, and what means something to Python's own formats.
TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["<&>", "]]>", "%s%%(x)d", "{0}{", "\x00\x1b[1m", "\r\n", "\ud800", "\uffff"])
)
VALUES = st.one_of(TEXTS, st.integers(-(2**31), 2**31 - 1))


@st.composite
def structs(draw):
    """A struct, and the names of some of its members."""
    struct = draw(st.dictionaries(TEXTS, VALUES, max_size=6))
    return struct, [name for name in struct if draw(st.booleans())]


def template_of(struct, open_names):
    """A template without the values of its gaps."""
    kinds = {name: type(struct[name]) for name in open_names}
    return Template({name: None if name in kinds else value for name, value in struct.items()}, kinds)


def filled(struct, open_names):
    return template_of(struct, open_names).filled(*(struct[name] for name in open_names))


def written(value):
    return asyncio.run(write_answer(value))


@given(structs())
def test_a_filled_template_is_written_like_a_struct(given):
    struct, open_names = given
    made = filled(struct, open_names)
    assert written(made) == written(struct)
    assert written([made, 1, made]) == written([struct, 1, struct])
    assert written([[made], {"in": made}, b"\xff"]) == written([[struct], {"in": struct}, b"\xff"])


@given(structs())
def test_its_weight_is_that_of_the_struct(given):
    """So a multicall is refused at the same size."""
    struct, open_names = given
    assert weight([filled(struct, open_names)]) == weight([struct])


@given(structs(), st.lists(VALUES, min_size=6, max_size=6))
def test_filling_a_template_again_leaves_earlier_structs_alone(given, others):
    struct, open_names = given
    template = template_of(struct, open_names)
    first = template.filled(*(struct[name] for name in open_names))
    template.filled(*(other for other, _ in zip(others, open_names, strict=False)))
    assert written(first) == written(struct)
