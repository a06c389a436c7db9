"""How exposed programs are, as `procman check --security --json` has it."""

from typing import TypedDict


class FindingInfo(TypedDict):
    """One thing that a program may do, and need not."""

    slug: str
    weight: float
    text: str
    add: str | None  # the line for its section, in the form of the file


class ExposureInfo(TypedDict):
    """One section that runs programs."""

    section: str
    exposure: float  # from 0 to 10
    findings: list[FindingInfo]  # the heaviest first


class SecurityInfo(TypedDict):
    """All sections of a file."""

    programs: list[ExposureInfo]
    max: float | None  # what --max allows
    not_rated: list[str]  # in sentences
