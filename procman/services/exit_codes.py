"""What exit codes mean, where there is a rule for them. A table, and no more than its sources say.

https://www.gnu.org/software/bash/manual/html_node/Exit-Status.html
https://man7.org/linux/man-pages/man3/sysexits.h.3head.html
"""

from os.path import basename

from procman.system.signals import signal_name

# Of a shell, or of a program that does as shells do (env, nice, timeout, docker, tini).
_CANNOT_EXECUTE = 126
_NOT_FOUND = 127
_SIGNAL = 128

_SYSEXITS = {
    64: ("EX_USAGE", "it was called with wrong arguments"),
    65: ("EX_DATAERR", "its input is wrong"),
    66: ("EX_NOINPUT", "an input file is missing, or may not be read"),
    67: ("EX_NOUSER", "a user does not exist"),
    68: ("EX_NOHOST", "a host does not exist"),
    69: ("EX_UNAVAILABLE", "something that it needs is not available"),
    70: ("EX_SOFTWARE", "a bug in it"),
    71: ("EX_OSERR", "the operating system refused something"),
    72: ("EX_OSFILE", "a system file is missing or wrong"),
    73: ("EX_CANTCREAT", "it could not create a file"),
    74: ("EX_IOERR", "reading or writing failed"),
    75: ("EX_TEMPFAIL", "it failed for now, and may be tried again"),
    76: ("EX_PROTOCOL", "the other side violated the protocol"),
    77: ("EX_NOPERM", "it lacks a permission"),
    78: ("EX_CONFIG", "its configuration is wrong"),
}
# Others use the same numbers for something else (curl: 67 is a login that was refused).
_KEEP_TO_SYSEXITS = frozenset(
    {"sendmail", "exim", "exim4", "postfix", "master", "smtpd", "dovecot", "procmail", "maildrop", "spamd"}
    | {"opendkim", "opendmarc", "amavisd", "cyrus-master", "s-nail", "mutt"}
)


def meaning_of(code: int, program: str = "") -> str:
    """What an exit code says, for people; "": there is no rule for it, or nobody can say whether it holds here.

    `program` is the first word of the command: some codes mean something only of certain programs.
    """
    if code == _CANNOT_EXECUTE:
        return "as from a shell: a command was found, and could not be executed"
    if code == _NOT_FOUND:
        return "as from a shell: a command was not found"
    signal = signal_name(code - _SIGNAL)
    if signal.startswith("SIG"):
        return f"as from a shell: what it waited for was terminated by {signal} (128 + {code - _SIGNAL})"
    name, words = _SYSEXITS.get(code, ("", ""))
    return f"{name}: {words}" if name and basename(program) in _KEEP_TO_SYSEXITS else ""
