"""A small HTTP/1.x server for control sockets, on h11 and asyncio.

It knows nothing of procman and imports nothing of it: bytes come in, a `Request` goes to a handler, its `Response`
goes out. h11 decides what is HTTP; this room adds what a long-lived control socket needs: limits on everything a
client can make it hold, one deadline for an incomplete request, none for an idle connection, and streams that end
with their client.

    messages.py         Request, Response, Peer, Role
    targets.py          how a request target is taken apart
    limits.py           what the clients may use
    request_reader.py   bytes -> requests, one at a time; no I/O
    response_head.py    a response's status and headers -> bytes
    application.py      the handler and the gate; their failures become answers
    connection.py       one client: its phases, its task, its transport
    connection_table.py all connections: counting them, and making room
    server.py           listening sockets
    router.py           the table of endpoints
    tls.py              certificates, and the handshake
    tokens.py           tokens, by their digests
    basic_auth.py       names, passwords and roles        credentials.py  their comparison
    host_guard.py       what a browser may be made to ask
    page_headers.py     what a browser may do with a page
"""
