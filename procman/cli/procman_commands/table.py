"""The table of `procman`'s commands: their flags, their help, and the function that carries each out."""

from typing import NamedTuple

from procman.cli.flags import HELP, Flag


class Command(NamedTuple):
    """`procman` itself, or `procman WORD`; `function` in `module` of this package takes the given flags."""

    module: str
    function: str
    flags: tuple[Flag, ...]
    about: str
    words: str = ""  # what may follow the flags


_FILE = Flag(
    "configuration",
    "-c --configuration",
    "the configuration file: TOML if its name ends in .toml, else INI (searched for if not given)",
    metavar="FILE",
)

_PIDFILE = Flag("pidfile", "-j --pidfile", "the pid file of the master", metavar="FILE")

_DAEMON = Flag("daemon", "--daemon", "run in the background; exits when the daemon is up or has failed to start")

_ALLOW_WRITABLE = Flag(
    "allow_writable_config",
    "--allow-writable-config",
    "as root, accept a configuration that other users can write to; they can then run anything as root",
)

# supervisord's flags, which override options of [supervisord]. Their keys are the names of the options.
_OVERRIDES = (
    Flag("nodaemon", "-n --nodaemon", "stay in the foreground, even if the file says daemon = true"),
    Flag("silent", "-s --silent", "no log on stdout"),
    Flag("user", "-u --user", "switch to this user (a name or a number) before starting anything", metavar="USER"),
    Flag("umask", "-m --umask", "the umask of the master and its programs, octal", metavar="UMASK"),
    Flag("directory", "-d --directory", "change to this directory", metavar="DIRECTORY"),
    Flag("logfile", "-l --logfile", "the master's own log", metavar="FILENAME"),
    Flag("logfile_maxbytes", "-y --logfile_maxbytes", "rotate that log at this size (0: never)", metavar="BYTES"),
    Flag("logfile_backups", "-z --logfile_backups", "keep this many rotated logs", metavar="NUM"),
    Flag("loglevel", "-e --loglevel", "critical, error, warn, info, debug, trace or blather", metavar="LEVEL"),
    Flag("pidfile", "-j --pidfile", "write the pid to this file", metavar="FILENAME"),
    Flag("identifier", "-i --identifier", "the name of this master", metavar="STR"),
    Flag("childlogdir", "-q --childlogdir", "the directory for the AUTO logs of programs", metavar="DIRECTORY"),
    Flag("nocleanup", "-k --nocleanup", "keep the AUTO logs of an earlier run"),
    Flag("minfds", "-a --minfds", "require this many file descriptors", metavar="NUM"),
    Flag("strip_ansi", "-t --strip_ansi", "remove terminal colours from the logs of programs"),
    Flag("minprocs", "--minprocs", "require this many processes", metavar="NUM"),
    Flag("no_watch", "--no-watch", "watch no files, whatever the programs say"),
)

_PROCFILE = (
    Flag("procfile", "-f --procfile", "run a Procfile as it is, with .env beside it", metavar="PROCFILE"),
    Flag(
        "formation",
        "--formation",
        "with -f: how many processes of each name, web=2,worker=1 (all=N for the others); -m does the same there",
        metavar="NAME=N",
    ),
)

_IMPORT_FLAGS = (
    Flag("output", "-o --output", "write to this file instead of stdout", metavar="FILE"),
    Flag("force", "--force", "overwrite the file of -o"),
    Flag("verbose", "-v --verbose", "report what is kept, too"),
    HELP,
)

_EXPORT_FLAGS = (
    _FILE,
    Flag("split", "--split", "one container or unit for each program, without procman"),
    Flag("output", "-o --output", "write to this file or directory instead of stdout", metavar="FILE|DIR"),
    Flag("name", "--name", "the name of the application (default: that of the file)", metavar="NAME"),
    Flag("image", "--image", "the image of the containers (default: the name)", metavar="IMAGE"),
    Flag("assume", "--assume", "check against the machine described in FILE", metavar="FILE.json"),
    HELP,
)

_SIMULATE_FLAGS = (
    _FILE,
    Flag("kill", "--kill", "a process is killed then: db@10s", metavar="NAME@TIME", many=True),
    Flag("hang", "--hang", "a process does nothing for some time: web@30s+20s", metavar="NAME@TIME+TIME", many=True),
    Flag(
        "unready",
        "--unready",
        "a process is not ready from then on until its end, or for some time: web@30s, web@30s+20s",
        metavar="NAME@TIME",
        many=True,
    ),
    Flag(
        "exit",
        "--exit",
        "a process ends by itself, with an exit status: web:1@20s",
        metavar="NAME:CODE@TIME",
        many=True,
    ),
    Flag("start", "--start", "somebody starts a process: web@10s", metavar="NAME@TIME", many=True),
    Flag("stop", "--stop", "somebody stops a process: web@10s", metavar="NAME@TIME", many=True),
    Flag("restart", "--restart", "somebody restarts a process: web@10s", metavar="NAME@TIME", many=True),
    Flag("connect", "--connect", "somebody connects to a lazy program: web@10s", metavar="NAME@TIME", many=True),
    Flag(
        "ready",
        "--ready",
        "assume that a program is ready this long after its start (1s): web=3s, web=never",
        metavar="NAME=TIME",
        many=True,
    ),
    Flag(
        "ends",
        "--ends",
        "assume that each run of a program ends after this long (a one-shot 1s, others never): migrate=5s, web=2s:1 "
        "with exit status 1",
        metavar="NAME=TIME[:CODE]",
        many=True,
    ),
    Flag(
        "slow_stop",
        "--slow-stop",
        "assume that a program ends this long after its stop signal (at once): web=8s; web: never",
        metavar="NAME[=TIME]",
        many=True,
    ),
    Flag(
        "clock",
        "--clock",
        "what the wall clock shows at the beginning, for schedules: 2026-11-29T02:59",
        metavar="TIME",
    ),
    Flag("until", "--until", "shut down then (when nothing changes any more)", metavar="TIME"),
    Flag("seed", "--seed", "the number that delays with jitter are drawn from (0)", metavar="N"),
    Flag("assume", "--assume", "read the configuration for the machine described in FILE", metavar="FILE.json"),
    Flag("json", "--json", "print one JSON object"),
    HELP,
)

_RUN_FLAGS = (
    Flag("to_group", "-g --group", "pass signals on to the process group of the program"),
    Flag("rewrite", "-r --rewrite", "pass signal A on as B: 15:3, TERM:QUIT; B = 0 drops it", metavar="A:B", many=True),
    Flag("restart", "--restart", "restart the program when it ends: always, on-failure, or never", metavar="WHEN"),
    Flag(
        "kill_after",
        "-k --kill-after",
        "send SIGKILL this long after a stop signal, and as PID 1 again to processes that are left over",
        metavar="DURATION",
    ),
    Flag("good", "-e --expect", "exit with 0 when the program exits with CODE", metavar="CODE", many=True),
    Flag("background", "-d --background", "run as a daemon; exits when the program has started or failed to"),
    Flag(
        "wait",
        "--wait",
        "with -d: exit when the program has been up this long or has ended (1 second; 0: as soon as it is spawned)",
        metavar="DURATION",
    ),
    Flag("log", "-o --log", "append the output of the program to this file", metavar="FILE"),
    Flag(
        "pidfile", "--pidfile", "write the pid to this file, and lock it, so that no second one starts", metavar="FILE"
    ),
    Flag("user", "-u --user", "switch to this user (a name or a number)", metavar="USER"),
    Flag(
        "umask",
        "-m --umask",
        "the umask of the program, the log and the pid file, octal (default: inherited)",
        metavar="UMASK",
    ),
    Flag("chdir", "-C --chdir", "change to this directory", metavar="DIR"),
    Flag("env", "-E --env", "set a variable for the program", metavar="NAME=VALUE", many=True),
    Flag("parent_signal", "-p --parent-signal", "receive this signal when the parent dies", metavar="SIGNAL"),
    Flag("subreaper", "-s", "adopt orphans (procman always does)"),
    Flag("single_child", "-c --single-child", "pass signals on to the program alone (the default)"),
    Flag("verbose", "-v --verbose", "report on stderr what is done", hidden="-w"),
    Flag("version", "-V --version", "print the version and exit"),
    HELP,
)

COMMANDS: dict[str, Command] = {
    "": Command(
        "start",
        "start",
        (
            _FILE,
            *_PROCFILE,
            _DAEMON,
            _ALLOW_WRITABLE,
            *_OVERRIDES,
            Flag("version", "-v --version", "print the version and exit"),
            HELP,
        ),
        "run the programs of a configuration file, and keep them running",
    ),
    "check": Command(
        "check",
        "check",
        (
            _FILE,
            Flag("json", "--json", "print one JSON object: the resolved configuration and its problems"),
            Flag(
                "budget",
                "--budget",
                "how long a shutdown may take, such as 10s or 1m30s; if it may take longer, exit with status 1 and "
                "list what would make it fit",
                metavar="DURATION",
            ),
            Flag(
                "security",
                "--security",
                "rate from 0 to 10 how exposed each program is by what its section says, with the line to add for each "
                "finding; with --json as `security`",
            ),
            Flag(
                "max",
                "--max",
                "with --security: exit with status 1 if a program is rated above it, such as 5",
                metavar="EXPOSURE",
            ),
            Flag("strict", "--strict", "exit with status 1 for a warning, too, such as a limit that is never reached"),
            Flag("assume", "--assume", "check against the machine described in FILE", metavar="FILE.json"),
            HELP,
        ),
        "report every mistake in a configuration file, without running anything",
    ),
    "export": Command(
        "export", "no_engine", (HELP,), "convert a configuration for another engine: kubernetes, compose or systemd"
    ),
    "export kubernetes": Command("export", "kubernetes", _EXPORT_FLAGS, "write a Kubernetes Deployment"),
    "export compose": Command("export", "compose", _EXPORT_FLAGS, "write a compose file for docker or podman"),
    "export systemd": Command("export", "systemd", _EXPORT_FLAGS, "write systemd units"),
    "init": Command(
        "init",
        "init",
        (Flag("yes", "--yes", "ask nothing: take the first file that says what to run"), HELP),
        "write a first procman.toml by what is in the current directory",
    ),
    "import": Command(
        "imports",
        "no_engine",
        (HELP,),
        "read the files of another engine: supervisord, procfile, compose, systemd, process-compose, pm2 or circus",
    ),
    "import supervisord": Command(
        "imports", "supervisord", _IMPORT_FLAGS, "write a supervisord.conf as TOML", "FILE..."
    ),
    "import procfile": Command(
        "imports",
        "procfile",
        (
            Flag("formation", "-m --formation", "how many processes of each name: web=2,worker=1", metavar="NAME=N"),
            *_IMPORT_FLAGS,
        ),
        "write a Procfile of foreman or honcho as TOML",
        "FILE",
    ),
    "import compose": Command(
        "imports", "compose", _IMPORT_FLAGS, "write the services of compose files that run without an image", "FILE..."
    ),
    "import systemd": Command("imports", "systemd", _IMPORT_FLAGS, "write systemd units as TOML", "UNIT..."),
    "import process-compose": Command(
        "imports", "process_compose", _IMPORT_FLAGS, "write a process-compose.yaml as TOML", "FILE..."
    ),
    "import pm2": Command(
        "imports",
        "pm2",
        (Flag("env", "--env", "take env_NAME, too", metavar="NAME"), *_IMPORT_FLAGS),
        "write an ecosystem file of pm2 as TOML",
        "FILE",
    ),
    "import circus": Command("imports", "circus", _IMPORT_FLAGS, "write a circus.ini as TOML", "FILE..."),
    "run": Command(
        "run",
        "run",
        _RUN_FLAGS,
        "run one program without a configuration: as PID 1 of a container, as a daemon, or with restarts",
        "-- COMMAND [ARGUMENT]...",
    ),
    "stop": Command(
        "by_pidfile",
        "stop",
        (_PIDFILE, Flag("timeout", "-t --timeout", "wait at most this long for it to end", metavar="DURATION"), HELP),
        "stop the master that holds a pid file, and wait until it has ended",
    ),
    "reload": Command(
        "by_pidfile",
        "reload",
        (_PIDFILE, HELP),
        "make the master that holds a pid file restart with its configuration read again",
    ),
    "status": Command(
        "by_pidfile",
        "status",
        (_PIDFILE, HELP),
        "report whether the master that holds a pid file runs (exit status 3 if not)",
    ),
    "replay": Command(
        "replay",
        "replay",
        (
            Flag("json", "--json", "print one JSON object for each event"),
            Flag(
                "until",
                "--until",
                "end there: 14:02, 2026-11-29T14:02:10, or 10m (before the end of the recording)",
                metavar="TIME",
            ),
            HELP,
        ),
        "run what a master has recorded (record=) through the same code again, and show what it decides",
        "FILE [NAME]...",
    ),
    "simulate": Command(
        "simulate",
        "simulate",
        _SIMULATE_FLAGS,
        "show what a master would do with a configuration, in virtual time; nothing is run",
    ),
    "test": Command(
        "test",
        "test",
        (
            _FILE,
            Flag("verbose", "-v --verbose", "print the timeline of each test"),
            Flag("json", "--json", "print one JSON object"),
            Flag("junitxml", "--junitxml", "also write a report for CI servers", metavar="FILE"),
            Flag("assume", "--assume", "read the configuration for the machine described in FILE", metavar="FILE.json"),
            HELP,
        ),
        "simulate a configuration as a file of tests says, and compare with what that expects",
        "FILE [TEST]...",
    ),
    "explain": Command(
        "explain",
        "explain",
        (HELP,),
        "print what an option, a section or a command of procmanctl is for: explain stopsignal, explain program",
        "NAME...",
    ),
    "completion": Command(
        "completion",
        "completion",
        (
            Flag("install", "--install", "write it where the shell looks for it, for this user"),
            HELP,
        ),
        "print the script that completes both commands in bash, zsh or fish",
        "bash|zsh|fish",
    ),
    "schema": Command(
        "schema", "schema", (HELP,), "print the JSON schema of the TOML form, for editors and validators"
    ),
}


def takes_file(command: Command) -> bool:
    """Whether the command has a flag for the configuration file."""
    return _FILE in command.flags
