"""The flags of procmanctl itself. They stand before the command."""

from procman.cli.flags import HELP, Flag

FLAGS = (
    Flag(
        "config_file",
        "-c --configuration",
        "the master's configuration file (searched for if not given)",
        metavar="FILENAME",
    ),
    Flag(
        "url",
        "-s --serverurl",
        "where the master listens: unix:///path/to/socket, http://host:port or https://host:port (default: from the "
        "configuration file)",
        metavar="URL",
    ),
    Flag("username", "-u --username", "the user name to send to the master", metavar="USERNAME"),
    Flag("password", "-p --password", "the password to send to the master", metavar="PASSWORD"),
    Flag(
        "token_file",
        "--token-file",
        "a file with the token to send to the master (default: PROCMANCTL_TOKEN, if set)",
        metavar="FILE",
    ),
    Flag(
        "cacert",
        "--cacert",
        "for https: trust certificates of the authorities in this PEM file (default: those of the system)",
        metavar="FILE",
    ),
    Flag("cert", "--cert", "for https: the client's own certificate, as PEM", metavar="FILE"),
    Flag("key", "--key", "for https: its private key, as PEM, if that is in another file", metavar="FILE"),
    Flag(
        "history_file",
        "-r --history-file",
        "the history file of the shell",
        metavar="FILENAME",
        hidden="--history_file",
    ),
    Flag("interactive", "-i --interactive", "start an interactive shell (after running the command, if given)"),
    Flag(
        "json",
        "--json",
        "print one JSON object instead of text (a stream: one object for each line); may also follow the command",
    ),
    Flag("version", "--version", "print the version of procmanctl and exit"),
    HELP,
)
