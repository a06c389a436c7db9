"""/v1/whoami: who a client is to the master, and what it may do. Everybody may ask."""

from procman.access.rights import Rights
from procman.access.roles import ANYONE, reaches
from procman.api.access import readable
from procman.api.rest.answers import add_endpoint, json_answer
from procman.api.shapes.access import GrantInfo, MayInfo, WhoamiInfo
from procman.http.messages import Request, Response
from procman.http.router import Router
from procman.services.actors import known_user
from procman.services.process_table import ProcessTable

_EVERYTHING = GrantInfo(source="access = socket", role="admin", programs=["*"], logs=True)


class WhoamiEndpoint:
    """Adds it to a router."""

    def __init__(self, processes: ProcessTable) -> None:
        """It is called on the loop's thread."""
        self._processes = processes

    def add_to(self, router: Router) -> None:
        """One row."""
        add_endpoint(router, "GET", "/whoami", self._answer, ANYONE)

    async def _answer(self, request: Request) -> Response:
        rights, peer = request.rights, request.peer
        info = WhoamiInfo(
            uid=None if peer is None else peer.uid,
            user="" if peer is None else known_user(peer.uid),
            groups=[] if peer is None else sorted({peer.gid, *peer.groups}),
            has_token=False,
            server=request.server,
            by_roles=False,
            role="admin",
            grants=[_EVERYTHING],
            processes=[],
        )
        names = [status.namespec for status in readable(request, self._processes).statuses()]
        if not isinstance(rights, Rights):
            info["processes"] = [MayInfo(namespec=name, role="admin", logs=True) for name in names]
            return json_answer(info)
        info["by_roles"] = not rights.is_by_password
        info["role"] = rights.role
        info["has_token"] = bool(rights.identity.digest)
        info["grants"] = [
            GrantInfo(source=one.source, role=one.role, programs=list(one.programs), logs=one.shows_logs)
            for one in rights.grants
        ]
        info["processes"] = [
            MayInfo(namespec=name, role=role, logs=logs) for name in names for role, logs in (rights.role_for(name),)
        ]
        own = [name for name in names if rights.owns(name)]
        if own:
            role = rights.owner_role
            info["grants"].append(
                GrantInfo(source="owner_role", role=role, programs=own, logs=reaches(role, "operate"))
            )
        return json_answer(info)
