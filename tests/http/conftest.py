"""A handler that remembers its requests."""

import pytest

from procman.http.messages import Request, Response
from tests.support.http_serving import echo


@pytest.fixture
def seen() -> list[Request]:
    return []


@pytest.fixture
def remember(seen):
    async def handler(request: Request) -> Response:
        seen.append(request)
        return await echo(request)

    return handler
