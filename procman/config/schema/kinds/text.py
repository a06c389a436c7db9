"""Plain text, secrets and booleans."""

from typing import Literal

from procman.config.schema.options import Kind, Unfit
from procman.config.spelling import did_you_mean

TRUE = ("yes", "true", "on", "1")
FALSE = ("no", "false", "off", "0")
BOOLEANS = ("true", "false")


def accept_text(value: object) -> str:
    """Read a TOML string; raises TypeError for anything else."""
    if not isinstance(value, str):
        raise TypeError
    return value


def parse_bool(text: str) -> bool:
    """Read one of supervisor's words for a boolean."""
    word = text.lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise Unfit(f"expected true or false{did_you_mean(word, BOOLEANS)}")


def show_bool(value: object) -> str:
    """Write a boolean as both file formats do."""
    return "true" if value else "false"


def text_kind(
    name: str,
    expected: str,
    slug: str = "other",
    *,
    private: bool = False,
    place: Literal["directory", "parent"] | None = None,
) -> Kind[str]:
    """A kind whose values are any text, in both forms of a file."""
    return Kind(
        name=name,
        expected=expected,
        slug=slug,
        parse=str,
        accept=accept_text,
        schema={"type": "string"},
        private=private,
        place=place,
    )


TEXT = text_kind("text", "a text in quotes")
SECRET = text_kind("text", "a text in quotes", private=True)
BOOLEAN: Kind[bool] = Kind(
    name="boolean",
    expected="true or false",
    slug="bad-boolean",
    parse=parse_bool,
    accept=lambda value: value if isinstance(value, bool) else parse_bool(accept_text(value)),
    schema={"type": ["boolean", "string"]},
    show=show_bool,
)
