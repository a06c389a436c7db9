"""What the client of a request may do, for endpoints: which processes are there for it, and which it may act upon.

Where it may do something with all processes, there is no filter (None), and the services answer as they always do.
"""

from collections.abc import Callable, Iterable

from procman.access.rights import Rights, Verdict
from procman.access.roles import Needs, Role, Scope
from procman.errors import AccessDenied
from procman.http.messages import Request
from procman.services.process_table import ProcessTable
from procman.services.selectors import ALL

May = Callable[[str], bool]


def every(_: str) -> bool:
    """Of a client that may know of all processes."""
    return True


def rights_of(request: Request) -> Rights | None:
    """What the gate has given it; None: everything."""
    rights = request.rights
    return rights if isinstance(rights, Rights) and not rights.is_full_for_good else None


def sight(request: Request) -> May | None:
    """Which processes the client may know of, by namespec; None: all."""
    rights = rights_of(request)
    return None if rights is None or rights.reads_all else rights.sees


def admitted(request: Request, table: ProcessTable, specs: Iterable[str], needs: Needs) -> May | None:
    """With which processes the client may do what needs this; None: with all.

    Raises AccessDenied where a spec names only processes that it may know of, but not use for that. Of a name that is
    hidden from it nothing is said here: to the services it is not there.
    """
    return judged(rights_of(request), table, specs, needs)


def judged(rights: Rights | None, table: ProcessTable, specs: Iterable[str], needs: Needs) -> May | None:
    """The same for rights that are known."""
    if rights is None:
        return None
    if rights.is_for_all(needs):
        rights.remember_all(needs)
        return None
    for spec in specs:
        names = table.namespecs(spec)
        verdicts = {name: rights.judge(needs, name) for name in names}
        allowed = [name for name, verdict in verdicts.items() if verdict is Verdict.ALLOWED]
        if not allowed and (Verdict.DENIED in verdicts.values() or spec == ALL):
            raise AccessDenied(rights.deny(needs, spec))
        if names and not allowed:
            rights.hidden = spec
        rights.remember(needs, allowed)
    return lambda name: rights.permits(needs, name)


def judged_by_name(rights: Rights | None, names_of: Callable[[str], list[str]], needs: Needs, spec: str) -> bool:
    """Whether a client may do that with all of a group; raises AccessDenied unless they are hidden from it."""
    if rights is None:
        return True
    if rights.is_for_all(needs):
        rights.remember_all(needs)
        return True
    # What the file has, and has not been read yet, is known by its name only.
    known = names_of(spec)
    names = known or [spec]
    verdicts = {rights.judge(needs, name) for name in names}
    if verdicts == {Verdict.ALLOWED}:
        rights.remember(needs, names)
        return True
    if verdicts <= {Verdict.HIDDEN}:
        rights.hidden = spec if known else ""
        return False
    raise AccessDenied(rights.deny(needs, spec))


def demand_all(request: Request, needs: Needs) -> None:
    """Raises AccessDenied unless the client has that for all programs."""
    rights = rights_of(request)
    if rights is not None and not rights.is_for_all(needs):
        raise AccessDenied(rights.deny(needs._replace(scope=Scope.FLEET)))


def permitted(request: Request, needs: Needs) -> May | None:
    """The processes with which the client may do what needs this, by namespec; None: all."""
    rights = rights_of(request)
    return None if rights is None or rights.is_for_all(needs) else lambda name: rights.permits(needs, name)


def role_for(request: Request, name: str) -> Role | None:
    """What the client may do with the process of that namespec; None: everything, or what its password is for."""
    rights = rights_of(request)
    return None if rights is None else shown_role(rights, name)


def shown_role(rights: Rights, name: str) -> Role | None:
    """The same for rights that are known."""
    return None if rights.is_full or rights.is_by_password else rights.role_for(name)[0]


def readable(request: Request, table: ProcessTable) -> ProcessTable:
    """The table as the client may see it."""
    may = sight(request)
    return table if may is None else table.among(may)
