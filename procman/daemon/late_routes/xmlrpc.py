"""XML-RPC, for supervisor's clients."""

from http import HTTPStatus

from procman.access.rights import READ_ONLY
from procman.api.xmlrpc.adapter import XmlRpc
from procman.api.xmlrpc.method import Caller
from procman.daemon.late_routes.parts import Parts
from procman.http.router import Endpoint


def handler(parts: Parts) -> Endpoint:
    """Answers a call of one method, or of several."""

    def note_denied(caller: Caller, method: str) -> None:
        denial = "" if caller.rights is None else caller.rights.denial
        parts.denials.note(caller.actor, denial or READ_ONLY, HTTPStatus.FORBIDDEN, method)

    services = parts.services
    return XmlRpc(
        parts.rooms.master,
        services.processes,
        services.configuration,
        services.logs,
        about=parts.about.to,
        tell_listeners=parts.rooms.hub.remote,
        on_denied=note_denied,
    ).call
