"""The headers of a page: they restrict what a browser loads for it, and where it is shown.

Scripts, styles and requests are limited to this server, without inline code, so that a log line or a program's name
that enters a page as markup has no effect. No frames around it, so that a click is meant for what is seen.
"""

HTML = "text/html; charset=utf-8"

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src data:",  # the icon, whose colour shows the state
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    # No script may turn a text into markup (https://www.w3.org/TR/trusted-types/).
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

PAGE_HEADERS = (
    ("Content-Security-Policy", "; ".join(_POLICY)),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
