"""What a browser is told about a page of ours: what it may load, and who may show it.

Scripts, styles and requests only of this server and nothing inline, so that a log line or a program's name that finds
its way into a page as markup still does nothing there. No frames around it: a click must be meant for what is seen.
"""

HTML = "text/html; charset=utf-8"

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src data:",  # the icon, whose colour says how things are
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    # No script may make markup of a text (https://www.w3.org/TR/trusted-types/).
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

PAGE_HEADERS = (
    ("Content-Security-Policy", "; ".join(_POLICY)),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
)
