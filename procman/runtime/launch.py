"""Makes the LaunchSpec of each start of a program: command, environment, user, directory and streams."""

import os
from collections.abc import Callable, Mapping

from procman.config.schema.groups import FcgiSocket
from procman.config.schema.programs import Program
from procman.runtime.given import NOTHING, Given
from procman.runtime.limit_options import has_process_limits, has_view
from procman.system.accounts import Account, find_account
from procman.system.commands import CannotSpawn, Command, find_command
from procman.system.shared_sockets import SharedSocketSpec
from procman.system.spawn import KEPT, LaunchSpec, Stdio
from procman.system.terminals import COLUMNS, ROWS
from procman.system.tree import TAG

# What a program with a terminal is told of it, unless its environment says more: of this much, all know something.
TERM = "xterm"

# What shells and systemd have where nobody says otherwise.
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def find_program(program: Program, given: Given = NOTHING) -> Command:
    """The file to execute, and its arguments; raises CannotSpawn. `given` is what was read for it."""
    path = program.environment.get("PATH")
    if given.variables and (path is None or "PATH" in program.from_master):
        path = os.fsdecode(given.variables[b"PATH"]) if b"PATH" in given.variables else path
    if path is None and program.filters_environment and not program.inherits("PATH"):
        path = DEFAULT_PATH
    return find_command(program.command, program.directory, path)


def launch_spec(
    program: Program,
    *,
    serverurl: str | None = None,
    inherited: Mapping[bytes, bytes] | None = None,
    tag: str | None = None,
    stdin: int | None = None,
    again: bool = False,
    home: str | None = None,
    account_of: Callable[[int], Account] = find_account,
    given: Given = NOTHING,
) -> LaunchSpec:
    """How to start it now; raises CannotSpawn.

    Args:
        program: its definition.
        serverurl: SUPERVISOR_SERVER_URL of programs that have none of their own.
        inherited: the part of the environment that does not depend on the program. None: that of this process; reading
            it takes a tenth of the time of a start.
        tag: identifies its descendants (see `system.tree`).
        stdin: its stdin, if that is no pipe; the caller closes it.
        again: it has run before, and may use some of the descriptors that are reserved for restarts.
        home: the directory in which the master was started. A program without a directory of its own starts there as
            if it had inherited it, even if its user could not enter it.
        account_of: finds the account of a uid; raises KeyError if there is none.
        given: what was read for it.
    """
    command = find_program(program, given)
    account = _account(program, account_of)
    try:
        env = environment(program, serverurl, os.environb if inherited is None else inherited, tag, given)
    except ValueError as error:
        raise CannotSpawn(f"couldn't exec {command.argv[0]}: {error}") from None
    limits = view = None
    if has_process_limits(program) or has_view(program):
        from procman.runtime.launch_limits import process_limits, view_of  # noqa: PLC0415 - see `daemon.features`

        limits, view = process_limits(program), view_of(program)
    return LaunchSpec(
        name=program.name,
        command=command,
        environment=env,
        directory=program.directory,
        account=account,
        enters_as_user=account is not None and program.directory not in (None, home),
        umask=program.umask,
        stdin=Stdio.PIPE if stdin is None else stdin,
        stderr=Stdio.STDOUT if program.redirect_stderr else Stdio.PIPE,
        terminal=(ROWS, COLUMNS) if program.pty else None,
        spare_fds=KEPT // 2 if again else KEPT,
        limits=limits,
        view=view,
    )


def environment(
    program: Program,
    serverurl: str | None,
    base: Mapping[bytes, bytes],
    tag: str | None = None,
    given: Given = NOTHING,
) -> dict[bytes, bytes]:
    """The environment of a process; the program's own settings override everything but the tag."""
    added = {"SUPERVISOR_ENABLED": "1"}
    url = program.serverurl or serverurl
    if url:
        added["SUPERVISOR_SERVER_URL"] = url
    added["SUPERVISOR_PROCESS_NAME"] = program.name
    added["SUPERVISOR_GROUP_NAME"] = program.group
    added.update(program.environment)
    env = dict(base) if not program.filters_environment else _inherited(program, base)
    if program.is_given:
        # Files override what all programs have from the master.
        env.update(given.of_user)
        env.update((os.fsencode(name), os.fsencode(added.pop(name))) for name in program.from_master)
        env.update(given.variables)
    if tag is not None:
        added[TAG] = tag
    if program.pty and env.get(b"TERM", b"dumb") == b"dumb":
        added.setdefault("TERM", TERM)
    env.update((os.fsencode(name), os.fsencode(value)) for name, value in added.items())
    return env


def _inherited(program: Program, base: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    env = {name: value for name, value in base.items() if program.inherits(os.fsdecode(name))}
    env.setdefault(b"PATH", DEFAULT_PATH.encode())
    return env


def socket_spec(socket: FcgiSocket) -> SharedSocketSpec:
    """The socket of a FastCGI program, as the system opens it."""
    return SharedSocketSpec(
        url=socket.url,
        path=socket.path,
        host=socket.host,
        port=socket.port,
        mode=socket.mode,
        owner_ids=socket.owner_ids,
        backlog=socket.backlog,
    )


def _account(program: Program, account_of: Callable[[int], Account]) -> Account | None:
    """The user and the groups that the process becomes; None if the master is and has these already."""
    uid, gid, extra = program.uid, program.gid, program.extra_gids
    if (uid is None or uid == os.geteuid()) and (gid is None or gid == os.getegid()) and not extra:
        return None
    if os.geteuid() != 0:
        if uid is None or uid == os.geteuid():
            raise CannotSpawn(
                f"couldn't setgid to {gid if extra == () else extra[0]}: can't change groups as nonroot user"
            )
        raise CannotSpawn(f"couldn't setuid to {uid}: can't drop privilege as nonroot user")
    if uid is None or (uid == 0 and program.user is None):
        account = Account(os.geteuid(), os.getegid(), os.getgroups())
    else:
        try:
            account = account_of(uid)
        except KeyError:
            raise CannotSpawn(f"couldn't setuid to {uid}: can't find uid {uid}") from None
    main = account.gid if gid is None else gid
    # A group of its own replaces that of the user.
    groups = [main, *(group for group in account.groups if group != account.gid or gid is None), *extra]
    return Account(account.uid, main, list(dict.fromkeys(groups)) if gid is not None or extra else account.groups)
