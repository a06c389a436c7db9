"""Plain text, secrets and booleans."""

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


TEXT: Kind[str] = Kind(
    name="text", expected="a text in quotes", slug="other", parse=str, accept=accept_text, schema={"type": "string"}
)
SECRET: Kind[str] = Kind(
    name="text",
    expected="a text in quotes",
    slug="other",
    parse=str,
    accept=accept_text,
    schema={"type": "string"},
    private=True,
)
BOOLEAN: Kind[bool] = Kind(
    name="boolean",
    expected="true or false",
    slug="bad-boolean",
    parse=parse_bool,
    accept=lambda value: value if isinstance(value, bool) else parse_bool(accept_text(value)),
    schema={"type": ["boolean", "string"]},
    show=show_bool,
)
