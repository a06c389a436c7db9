"""Configurations of any size that could slow a reader down: one shape, repeated n times."""

from collections.abc import Callable

Shape = Callable[[int], str]
HEAD = "[supervisord]\n"

INI: dict[str, Shape] = {
    "comments": lambda n: HEAD + "; x # y\n" * n,
    "one line of comment signs": lambda n: f"{HEAD}identifier=a{';#' * n}\n",
    "one line of blanks": lambda n: f"{HEAD}identifier={' ' * n}x\n",
    "one line of brackets": lambda n: f"{HEAD}{'[' * n}{']' * n}\n",
    "one line of percent signs": lambda n: f"{HEAD}identifier={'%%' * n}\n",
    "one line of open brackets after a percent sign": lambda n: f"{HEAD}identifier=%{'(' * n}\n",
    "many placeholders": lambda n: f"{HEAD}identifier={'%(here)s' * min(n, 10_000)}\n",
    "many open placeholders": lambda n: f"{HEAD}identifier={'%(here' * n}\n",
    "one long name": lambda n: f"{HEAD}{'x' * n}=1\n",
    "empty lines in a value": lambda n: f"{HEAD}identifier=x\n" + "\n" * n + " y\n",
    "lines of a value": lambda n: f"{HEAD}identifier=x\n" + " y\n" * n,
    "lines with an open quote": lambda n: f"{HEAD}identifier='x\n" + " 'y;\n" * n,
    "an option again and again": lambda n: HEAD + "".join(f"identifier={i:04}\n" for i in range(n)),
    "a section again and again": lambda n: HEAD + "[program:x]\ncommand=x\n" * n,
    "unknown options": lambda n: HEAD + "".join(f"option{i:04}=1\n" for i in range(n)),
    "unknown sections": lambda n: HEAD + "".join(f"[section{i:04}]\nx=1\n" for i in range(n)),
    "lines that are none": lambda n: HEAD + "what\n" * n,
    "programs": lambda n: HEAD + "".join(f"[program:p{i:04}]\ncommand=x\n" for i in range(n)),
    "programs in groups": lambda n: HEAD
    + "".join(f"[program:p{i:04}]\ncommand=x\n[group:g{i:04}]\nprograms=p{i:04}\n" for i in range(n)),
    "programs in one group": lambda n: HEAD
    + "".join(f"[program:p{i:04}]\ncommand=x\n" for i in range(n))
    + f"[group:g]\nprograms={','.join(f'p{i:04}' for i in range(n))}\n",
    "groups of programs that are not there": lambda n: HEAD
    + "".join(f"[program:p{i:04}]\ncommand=x\n" for i in range(n))
    + f"[group:g]\nprograms={','.join(f'q{i:04}' for i in range(n))}\n",
    "a program in many groups": lambda n: f"{HEAD}[program:p]\ncommand=x\n"
    + "".join(f"[group:g{i:04}]\nprograms=p\n" for i in range(n)),
    "processes of a program": lambda n: f"{HEAD}[program:p]\ncommand=x\nnumprocs={n}\n"
    "process_name=%(process_num)d\nenvironment=A=%(process_num)d\n",
    "processes with one name": lambda n: HEAD
    + "".join(f"[program:p{i:04}]\ncommand=x\nprocess_name=same\n" for i in range(n))
    + f"[group:g]\nprograms={','.join(f'p{i:04}' for i in range(n))}\n",
    "variables": lambda n: f"{HEAD}environment={','.join(f'V{i:04}=1' for i in range(n))}\n[program:p]\ncommand=x\n",
    "a variable of quotes": lambda n: f'{HEAD}environment=A="{chr(39) * n}"\n',
    "a variable unquoted": lambda n: f"{HEAD}environment=A={'x' * n}\n",
    "unknown names to expand": lambda n: HEAD
    + "".join(f"[program:p{i:04}]\ncommand=%(ENV_NOT_THERE{i:04})s\n" for i in range(n)),
    "exit codes": lambda n: f"{HEAD}[program:p]\ncommand=x\nexitcodes={','.join('1' for _ in range(n))}\n",
    "a number of many digits": lambda n: f"{HEAD}minfds={'9' * n}\n",
    "a number of many underscores": lambda n: f"{HEAD}minfds={'1_' * n}1\n",
    "unknown events": lambda n: f"{HEAD}[eventlistener:l]\nevents={','.join(f'E{i:04}' for i in range(n))}\n",
    "servers": lambda n: HEAD + "".join(f"[inet_http_server:s{i:04}]\nport=127.0.0.1:{i + 1}\n" for i in range(n)),
    "an open quote in a command": lambda n: f"{HEAD}[program:p]\ncommand=x '{'a ' * n}\n",
    "a command of words": lambda n: f"{HEAD}[program:p]\ncommand={'a ' * n}\n",
    "a secret in every word": lambda n: f"{HEAD}[program:p]\ncommand=x '{'--password x://a:b@ A_KEY=' * n}\n",
    "commands for a shell": lambda n: f"{HEAD}[program:p]\ncommand=x {'a && $B `c` ; ' * n}\n",
    "a command of dollars": lambda n: f"{HEAD}[program:p]\ncommand=x {'$' * n} ${'A' * n}\n",
    "a command of quotes for a shell": lambda n: f"{HEAD}[program:p]\ncommand=cd /x && y {chr(39) * 2 * n}\n",
    "commands without a sign": lambda n: HEAD + "".join(f"[program:p{i:04}]\ncommand x\n" for i in range(n)),
    "quoted values": lambda n: HEAD + "".join(f"[program:p{i:04}]\ncommand=x\nuser='x'\n" for i in range(n)),
    "an environment of one word": lambda n: f"{HEAD}environment={'x' * n}\n[program:p]\ncommand=x\n",
    "an environment of dollars": lambda n: f'{HEAD}environment=PATH="{"$PATH" * n}"\n[program:p]\ncommand=x\n',
    "indented options": lambda n: f"{HEAD}[program:p]\ncommand=x\n" + " user=x\n" * n,
    "one log of all": lambda n: HEAD
    + "".join(f"[program:p{i:04}]\ncommand=x\nstdout_logfile=/tmp/x\n" for i in range(n)),
    "defaults": lambda n: "[DEFAULT]\n" + "".join(f"o{i:04}=1\n" for i in range(n)) + f"{HEAD}[program:p]\ncommand=x\n",
    "logs at several places": lambda n: f"{HEAD}[program:p]\ncommand=x\nstdout_logfile={',a' * n}\n",
    "listeners": lambda n: HEAD + "".join(f"[eventlistener:l{i:04}]\ncommand=x\nevents=TICK_5\n" for i in range(n)),
    "FastCGI": lambda n: HEAD + "".join(f"[fcgi-program:f{i:04}]\ncommand=x\nsocket=tcp://a:1\n" for i in range(n)),
    "patterns of files": lambda n: f"{HEAD}[include]\nfiles={' '.join(f'none{i:04}*.conf' for i in range(n))}\n",
}  # fmt: skip

TOML: dict[str, Shape] = {
    "comments": lambda n: "# x\n" * n,
    "tables": lambda n: "".join(f"[program.p{i:04}]\ncommand = 'x'\n" for i in range(n)),
    "a key of many parts": lambda n: "a." * n + "a = 1\n",
    "a header of many parts": lambda n: f"[program.{'a.' * n}a]\n",
    "unknown keys": lambda n: "[procman]\n" + "".join(f"option{i:04} = 1\n" for i in range(n)),
    "unknown tables": lambda n: "".join(f"[section{i:04}]\n" for i in range(n)),
    "a list over many lines": lambda n: "[program.p]\ncommand = [\n" + "'a',\n" * n + "]\n",
    "a table of variables": lambda n: "[procman.environment]\n" + "".join(f"V{i:04} = '1'\n" for i in range(n)),
    "an inline table": lambda n: f"[procman]\nenvironment = {{ {', '.join(f'V{i:04} = 1' for i in range(n))} }}\n",
    "a text over many lines": lambda n: "[procman]\nidentifier = '''\n" + "x'\n" * n + "'''\n",
    "a text of escapes": lambda n: f'[procman]\nidentifier = "{chr(92)}n"\ndirectory = "{(chr(92) + "u0041") * n}"\n',
    "a text of quotes": lambda n: f'[procman]\nidentifier = """{(chr(34) * 2 + "x") * n}"""\n',
    "nested lists": lambda n: f"x = {'[' * n}{']' * n}\n",
    "nested tables": lambda n: f"x = {'{a=' * n}1{'}' * n}\n",
    "a number of many digits": lambda n: f"x = {'9' * n}\n",
    "a number of many underscores": lambda n: f"x = {'1_' * n}1\n",
    "a float of many digits": lambda n: f"x = 0.{'9' * n}\n",
    "tables of a list": lambda n: "[[program.p]]\ncommand = 'x'\n" * n,
    "dotted tables": lambda n: "".join(f"program.p{i:04}.command = 'x'\n" for i in range(n)),
    "groups of programs that are not there": lambda n: "".join(f"[program.p{i:04}]\ncommand='x'\n" for i in range(n))
    + f"[group.g]\nprograms = [{', '.join(f'{chr(39)}q{i:04}{chr(39)}' for i in range(n))}]\n",
    "includes": lambda n: f"include = [{', '.join(f'{chr(39)}n{i:04}.toml{chr(39)}' for i in range(n))}]\n",
    "texts without quotes": lambda n: f"x = {'a ' * n}\n",
    "a text that ends too early": lambda n: f"x = 'a' {'b' * n}\n",
    "other tables in the master's": lambda n: "".join(f"[procman.s{i:04}]\ncommand = 'x'\n" for i in range(n)),
    "empty lines, and no TOML": lambda n: "\n" * n + "a: b\n",
    "bad values": lambda n: "".join(f"[program.p{i:04}]\ncommand = 1\nnumprocs = 'x'\n" for i in range(n)),
}  # fmt: skip
