"""How the operating system does it: every system call about processes, signals and sockets is in here."""
