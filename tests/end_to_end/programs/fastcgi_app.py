"""A FastCGI application on flup: answers with its pid, the path that was asked for, and the body it was sent."""

import os

from flup.server.fcgi import WSGIServer


def application(environ, start_response):
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {environ['PATH_INFO']} {len(body)} ".encode(), body]


WSGIServer(application).run()
