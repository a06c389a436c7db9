"""Request targets: a path and a query, and their percent-encoding. Pure functions."""

from urllib.parse import parse_qsl, unquote


def split_target(target: str) -> tuple[str, dict[str, str]]:
    """Take a request target apart: the path, still encoded, and the decoded query."""
    target, _, _ = target.partition("#")
    path, mark, query = target.partition("?")
    if not path.startswith("/") and "://" in path:  # the absolute form, which is meant for proxies
        _, slash, rest = path.partition("://")[2].partition("/")
        path = slash + rest or "/"
    return path, dict(parse_qsl(query, keep_blank_values=True)) if mark else {}


def decoded(text: str) -> str:
    """Resolve percent-encoding, of UTF-8; an invalid sequence becomes U+FFFD."""
    return unquote(text)
