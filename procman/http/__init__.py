"""A small HTTP/1.x server for control sockets, on h11 and asyncio.

It knows nothing of procman and imports nothing of it: bytes come in, a `Request` goes to a handler, its `Response`
goes out. h11 decides what is HTTP; this room adds what a long-lived control socket needs: limits on everything a
client can make it hold, one deadline for a half-sent request, none for an idle connection, and streams that notice
when nobody listens any more.

    messages.py    Request, Response, Peer, Limits, and how a request target is taken apart
    connection.py  one client: its phases, from bytes to a request and from a response to bytes
    server.py      all of them: listening, counting, making room, closing
    routing.py     the table of endpoints
    auth.py        who may ask: passwords, and what a browser may be made to ask
"""
