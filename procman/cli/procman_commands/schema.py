"""`procman schema`: prints the JSON schema of the TOML form."""

from procman.config.schema.reference import schema_text


def schema(_: dict[str, str]) -> int:
    """Print it."""
    print(schema_text(), end="")
    return 0
