"""The names of options and sections in other process managers: compose, pm2, systemd, circus, Kubernetes, launchd.

Names are compared by their letters only: workingDir, working_dir and WorkingDirectory are alike.
"""

from collections.abc import Container

_NO_FILTER = "procman filters no system calls: the container engine or systemd does"
_NO_LIMIT = "memory_max, cpu_max and pids_max limit a program, and rlimit_nofile and its like each process"
_NO_PORTS = "the program listens where its command says"
_ORDER = "programs of a lower priority are started first"
_NO_TYPE = "the command stays in the foreground"
_NAME = "the name of a program stands in its header"

# Their names in procman; a text with a blank is the whole hint.
_NAMES: dict[str, str] = {
    # what is run, and where
    **dict.fromkeys(("cmd", "exec", "execstart", "execute", "run", "script", "start", "entrypoint"), "command"),
    **dict.fromkeys(("program", "programarguments", "process", "commandline", "executable", "binary"), "command"),
    **dict.fromkeys(("args", "arguments", "argv", "interpreter", "interpreterargs", "nodeargs"), "command"),
    **dict.fromkeys(
        ("cwd", "chdir", "workdir", "workingdir", "workingdirectory", "dir", "path", "folder"), "directory"
    ),
    **dict.fromkeys(("root", "basedir", "homedir"), "directory"),
    **dict.fromkeys(("env", "envs", "envvars", "environ", "environmentvariables", "vars", "variables"), "environment"),
    **dict.fromkeys(("envfile", "environmentfile", "dotenv"), "env_file"),
    **dict.fromkeys(("passenvironment", "copyenv", "keepenv", "inheritenv"), "environment_inherit"),
    **dict.fromkeys(("loadcredential", "secrets"), "credentials"),
    "unsetenvironment": "environment_unset",
    **dict.fromkeys(("username", "uid", "runas", "runasuser", "owner"), "user"),
    **dict.fromkeys(("gid", "runasgroup"), "user_group"),
    **dict.fromkeys(("supplementarygroups", "groups", "groupadd"), "supplementary_groups"),
    **dict.fromkeys(("name", "containername", "label", "id"), _NAME),
    # how many, and when
    **dict.fromkeys(("instances", "replicas", "scale", "numprocesses", "processes", "count", "workers"), "numprocs"),
    **dict.fromkeys(
        ("dependson", "after", "before", "requires", "wants", "links", "needs", "dependentstartupwaitfor"), "depends_on"
    ),
    "dependentstartup": "name in depends_on what it waits for",
    "order": _ORDER,
    **dict.fromkeys(("enabled", "enable", "runatload", "wantedby", "autoload"), "autostart"),
    **dict.fromkeys(("restart", "respawn", "keepalive", "restartpolicy", "alwaysrestart"), "autorestart"),
    **dict.fromkeys(("restartsec", "restartdelay", "delay", "throttleinterval"), "backoff"),
    **dict.fromkeys(("minuptime", "startsec", "startseconds", "warmup", "startupsecs"), "startsecs"),
    **dict.fromkeys(
        ("maxrestarts", "maxretry", "maxretries", "retries", "restarts", "startlimitburst"), "startretries"
    ),
    **dict.fromkeys(("cron", "crontab", "oncalendar", "startcalendarinterval"), "schedule"),
    "cronrestart": "max_age restarts it after this long; with a schedule it is a task that ends",
    **dict.fromkeys(("timezone", "tz"), "schedule_tz"),
    "concurrencypolicy": "schedule_overlap",
    "randomizeddelaysec": "schedule_jitter",
    **dict.fromkeys(("ignorewatch", "watchignore"), "watch_ignore"),
    # how it is stopped
    **dict.fromkeys(("killsignal", "signal", "stopsig", "shutdownsignal"), "stopsignal"),
    **dict.fromkeys(
        ("killtimeout", "timeoutstopsec", "timeoutsec", "stopgraceperiod", "gracefultimeout"), "stopwaitsecs"
    ),
    **dict.fromkeys(("terminationgraceperiodseconds", "exittimeout", "stopsecs", "stoptimeout"), "stopwaitsecs"),
    **dict.fromkeys(("timeout", "graceperiod", "shutdowntimeout"), "stopwaitsecs"),
    **dict.fromkeys(("killmode", "stopchildren", "killgroup", "treekill"), "stop_scope"),
    **dict.fromkeys(("successexitstatus", "stopexitcodes", "exitcode", "successexitcodes"), "exitcodes"),
    **dict.fromkeys(("execstop", "stop", "stopcommand", "stopcmd"), "stop_command"),
    **dict.fromkeys(("prestop", "beforestop"), "pre_stop"),
    **dict.fromkeys(("execstoppost", "poststop", "afterstop", "finish"), "post_stop"),
    **dict.fromkeys(("execreload", "reloadcommand", "reloadsignal", "reloadcmd"), "reload"),
    **dict.fromkeys(("execstartpre", "prestart", "prescript", "beforestart"), "pre_start"),
    **dict.fromkeys(("execstartpost", "poststart", "afterstart"), "post_start"),
    **dict.fromkeys(("onfail", "onfailure"), "on_failure"),
    # whether it works
    **dict.fromkeys(("healthcheck", "liveness", "livenessprobe", "check"), "health"),
    **dict.fromkeys(("readiness", "readinessprobe", "startupprobe", "readycheck"), "ready"),
    **dict.fromkeys(("watchdogsec", "watchdogtimeout"), "watchdog"),
    # what it writes
    **dict.fromkeys(("tty", "isatty", "terminal"), "pty"),
    **dict.fromkeys(("log", "logs", "output", "out", "outfile", "outlog", "stdout"), "stdout_logfile"),
    **dict.fromkeys(("standardoutput", "standardoutpath", "stdoutpath", "stdoutlog", "logpath"), "stdout_logfile"),
    **dict.fromkeys(("stdoutfile", "stdoutstreamfilename", "logging"), "stdout_logfile"),
    **dict.fromkeys(("err", "error", "errfile", "errorfile", "errorlog", "stderr", "standarderror"), "stderr_logfile"),
    **dict.fromkeys(("standarderrorpath", "stderrpath", "stderrlog", "stderrfile"), "stderr_logfile"),
    **dict.fromkeys(("mergelogs", "combinelogs", "redirect", "redirectoutput"), "redirect_stderr"),
    **dict.fromkeys(("maxbytes", "maxsize", "logmaxsize", "logsize"), "stdout_logfile_maxbytes"),
    **dict.fromkeys(("backups", "maxfile", "logbackups", "rotate"), "stdout_logfile_backups"),
    **dict.fromkeys(("logdateformat", "time", "timestamps"), "log_timestamp"),
    # what it may use
    **dict.fromkeys(("maxmemoryrestart", "memmon"), "memory_restart"),
    **dict.fromkeys(("memlimit", "memorymax", "maxmemory", "memorylimit", "memory", "mem"), "memory_max"),
    **dict.fromkeys(("memoryhigh", "memreservation"), "memory_high"),
    **dict.fromkeys(("cpuquota", "cpus", "cpu", "cpulimit"), "cpu_max"),
    **dict.fromkeys(("cpuweight", "cpushares"), "cpu_weight"),
    **dict.fromkeys(("cpuset", "cpusetcpus", "cpuaffinity"), "cpu_affinity"),
    **dict.fromkeys(("pidslimit", "tasksmax"), "pids_max"),
    **dict.fromkeys(("limitnofile", "nofile"), "rlimit_nofile"),
    **dict.fromkeys(("limitnproc", "nproc"), "rlimit_nproc"),
    "limitcore": "rlimit_core",
    **dict.fromkeys(("oomscoreadj", "oomscoreadjust"), "oom_score_adj"),
    **dict.fromkeys(("ioprio", "ioschedulingclass", "ioschedulingpriority"), "ionice"),
    **dict.fromkeys(("capadd", "capdrop", "ambientcapabilities", "capabilityboundingset"), "capabilities"),
    **dict.fromkeys(("nonewprivileges", "nonewprivs"), "no_new_privs"),
    "privatetmp": "private_tmp",
    **dict.fromkeys(("readonlypaths", "protectsystem", "readonlyrootfilesystem"), "read_only_paths"),
    "readwritepaths": "read_write_paths",
    **dict.fromkeys(("inaccessiblepaths", "protecthome"), "inaccessible_paths"),
    **dict.fromkeys(("systemcallfilter", "seccomp", "securityopt"), _NO_FILTER),
    "runtimemaxsec": "max_age",
    **dict.fromkeys(("resources", "limits", "deploy", "ulimits"), _NO_LIMIT),
    # what procman does not have
    **dict.fromkeys(("image", "build"), "procman runs programs, and no containers"),
    **dict.fromkeys(("ports", "expose", "publish", "port", "host"), _NO_PORTS),
    **dict.fromkeys(("volumes", "mounts", "networks", "network"), "the container engine does that"),
    **dict.fromkeys(("type", "forking", "daemonize", "daemonise", "background", "execmode", "pidfile"), _NO_TYPE),
    **dict.fromkeys(("description", "documentation", "comment"), "write a comment, which begins with #"),
}

# For the master.
_OF_THE_MASTER: dict[str, str] = {
    **dict.fromkeys(("log", "logs", "output", "logpath"), "logfile"),
    **dict.fromkeys(("daemonize", "daemonise", "background"), "daemon"),
    **{name: _NAMES[name] for name in ("cwd", "workingdir", "workdir", "workingdirectory", "env", "username", "uid")},
}

# For a control socket, and for the client.
_OF_SERVERS: dict[str, str] = {
    **dict.fromkeys(("mode", "permissions", "umask"), "chmod"),
    **dict.fromkeys(("owner", "group"), "chown"),
    **dict.fromkeys(("path", "socket", "sock"), "file"),
    **dict.fromkeys(("user", "login"), "username"),
    **dict.fromkeys(("pass", "secret"), "password"),
    **dict.fromkeys(("server", "url", "address", "host"), "serverurl"),
}
_PARTS_OF_PORT = frozenset({"host", "address", "bind", "listen", "interface", "ip"})

# Their kinds of sections in procman.
_SECTIONS: dict[str, str] = {
    **dict.fromkeys(("services", "service", "apps", "app", "application", "applications", "programs"), "program"),
    **dict.fromkeys(("processes", "process", "watcher", "watchers", "job", "jobs", "task", "tasks"), "program"),
    **dict.fromkeys(("worker", "workers", "container", "containers", "command", "commands", "daemon"), "program"),
    **dict.fromkeys(("listener", "listeners", "eventlisteners"), "eventlistener"),
    **dict.fromkeys(("fcgi", "fastcgi", "fcgiprograms"), "fcgi-program"),
    **dict.fromkeys(("groups",), "group"),
    **dict.fromkeys(("supervisor", "master", "main", "global", "globals", "settings", "procman"), "supervisord"),
    **dict.fromkeys(("http", "httpserver", "inet", "inethttp", "tcp"), "inet_http_server"),
    **dict.fromkeys(("unix", "socket", "unixhttp"), "unix_http_server"),
    **dict.fromkeys(("client", "ctl", "procmanctl"), "supervisorctl"),
    **dict.fromkeys(("includes", "import", "imports"), "include"),
}


def section_here(kind: str) -> str | None:
    """The kind of section, by its INI name, that another program's word stands for."""
    return _SECTIONS.get(_letters(kind))


def is_command(option: str) -> bool:
    """Whether a section with such an option runs something."""
    return option == "command" or _NAMES.get(_letters(option)) == "command"


def is_program(value: object) -> bool:
    """Whether a value of a TOML file is a table like that of a program."""
    return isinstance(value, dict) and any(isinstance(key, str) and is_command(key) for key in value)


def name_here(option: str, *, of_program: bool) -> str | None:
    """What to write instead of an option of another process manager: "its name here is directory", or a reason."""
    found = (_NAMES if of_program else _OF_THE_MASTER).get(_letters(option))
    if found is None or " " in found:
        return found
    return f"its name here is {found}"


def name_of_server(option: str, known: Container[str | None]) -> str | None:
    """The same for an option of a control socket or of the client; `known` are the options of that section."""
    letters = _letters(option)
    if "port" in known and letters in _PARTS_OF_PORT:
        return "write it into port, before a colon"
    found = _OF_SERVERS.get(letters)
    return f"its name here is {found}" if found in known else None


def _letters(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
