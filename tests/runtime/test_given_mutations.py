"""Starts by chance whose files change, are missing or cannot be read; and faults put into the rules on purpose.

What a start is to be given is written here a second time. Each fault has to be found by that.
"""

import os
import pwd
from random import Random

import pytest

from procman.runtime import given
from procman.system.env_file import BadEnvFile, read_env_file
from tests.support.mutations import Mutation, assert_found, copy_with, each
from tests.support.programs import program

# As many programs as a fault may hide from, with so many starts each.
BUDGET = 120
STARTS = 4
FILES = ("a.env", "b.env", "token", "key")

MUTATIONS = [
    Mutation("every file may be missing", given, r"if error\.missing and optional:", "if error.missing:"),
    Mutation("one that may be missing may be unreadable", given, r"if error\.missing and optional:", "if optional:"),
    Mutation("no file may be missing", given, r"if error\.missing and optional:", "if False:"),
    Mutation("the first file counts", given, r"variables \|= (\{.*\})", r"variables = \1 | variables"),
    Mutation("env_file wins over env_from", given, r"variables\[(.*)\] = (.*)\n", r"variables.setdefault(\1, \2)\n"),
    Mutation("a newline stays", given, r"content\.removesuffix\(b\"\\n\"\)", "content"),
    Mutation("all newlines go", given, r"content\.removesuffix\(b\"\\n\"\)", r'content.rstrip(b"\\n")'),
    Mutation("a NUL byte is a value", given, r'if b"\\0" in content:', "if False:"),
    Mutation("raw is not", given, r"raw=source\.raw", "raw=False"),
    Mutation("others may write env_file", given, r"(read_given, path), refuse=refuse", r"\1, refuse=False"),
    Mutation("others may write env_from", given, r"(named\.path\)), refuse=refuse", r"\1, refuse=False"),
    Mutation(
        "paths begin where procman is",
        given,
        r'os\.path\.join\(program\.directory or "", source\.path\)',
        "source.path",
    ),
    Mutation("a broken file is left out", given, r"raise CannotGive\(f\"cannot read env_file.*", "continue"),
    Mutation("doubts are not told", given, r"doubts \+= .*", "pass"),
    Mutation("nobody's home", given, r"_of_user\(uid\) if program\.user_env", "_of_user(uid) if False"),
    Mutation("everybody's home", given, r"_of_user\(uid\) if program\.user_env", "_of_user(uid) if True"),
    Mutation("credentials are shown", given, r", \*self\.credentials\.values\(\)\)", ",)"),
    Mutation("variables are shown", given, r"\(\*self\.variables\.values\(\), ", "("),
    Mutation("the shortest is masked first", given, r"key=len, reverse=True", "key=len"),
    Mutation("a secret of six letters is none", given, r">= SHORTEST_SECRET", "> SHORTEST_SECRET"),
    Mutation("a word of five letters is one", given, r">= SHORTEST_SECRET", ">= SHORTEST_SECRET - 1"),
    Mutation("credentials alone are no secret", given, r"self\.variables or self\.credentials\)", "self.variables)"),
]


class Starts:
    """Those of a program by chance; `names` are those of the module."""

    def __init__(self, folder, seed, names):
        self.folder, self.random, self.names = folder, Random(seed), names
        self.refuse = self.random.random() < 0.5
        self.env_files = [(self.chance(FILES[:2]), self.flag(), self.flag()) for _ in range(self.random.randint(0, 3))]
        self.env_from = [
            (self.chance("ABX"), self.chance(FILES), self.flag()) for _ in range(self.random.randint(0, 2))
        ]
        self.credentials = {name: self.chance(FILES[2:]) for name in ("db", "tls") if self.flag()}
        self.user_env = self.flag()
        self.program = program(
            "web",
            directory=str(folder),
            env_file=tuple(f"{'?' * opt}{'raw:' * raw}{name}" for name, opt, raw in self.env_files),
            env_from=tuple(f"{'?' * opt}{name}=./{file}" for name, file, opt in self.env_from),
            credentials=tuple(f"{name}:./{file}" for name, file in self.credentials.items()),
            user_env=self.user_env,
        )

    def chance(self, among):
        return self.random.choice(among)

    def flag(self):
        return self.random.random() < 0.4

    def live(self):
        for _ in range(STARTS):
            for name in FILES:
                self.change(self.folder / name)
            trouble, expected = (), ({}, {}, 0)
            try:
                expected = self.expected()
            except LookupError as why:
                trouble = why.args
            if not trouble:
                self.check(self.read(), *expected)
                continue
            with pytest.raises(self.names["CannotGive"]) as found:
                self.read()
            assert all(word in str(found.value) for word in trouble), (found.value, trouble)

    def read(self):
        return self.names["read_given_to"](self.program, refuse=self.refuse, uid=os.geteuid())

    def change(self, path):
        """Between two starts it becomes another file, is removed, or becomes what cannot be read."""
        path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        fate = self.random.random()
        if fate < 0.1:
            path.mkdir()
        elif fate < 0.85:
            values = ("short", "secret", "secret-and-more", "'quoted secret'", '"two\\nlines of it"')
            lines = [f"{self.chance('ABC')}={self.chance(values)}" for _ in range(self.random.randint(1, 3))]
            if path.suffix != ".env":
                lines = [self.chance(("secret", "secret\n", "nul\0here", "line one\nline two\n"))]
            elif self.random.random() < 0.1:
                lines.append("D='open")
            path.write_text("\n".join(lines) + "\n")
            path.chmod(0o666 if self.random.random() < 0.08 else 0o600)

    # ---- what is to come of it

    def content(self, name, optional):
        """None where it may be missing, and is; raises LookupError with the words of the trouble."""
        path = self.folder / name
        if not path.exists():
            if optional:
                return None
            raise LookupError(name, "there is no such file")
        if path.is_dir():
            raise LookupError(name, "it is no file")
        if self.refuse and path.stat().st_mode & 0o002:
            raise LookupError(name, "chmod go-w")
        return path.read_bytes()

    def expected(self):
        variables, doubts = {}, 0
        for name, optional, raw in self.env_files:
            content = self.content(name, optional)
            if content is None:
                continue
            try:
                found = read_env_file(content, raw=raw)
            except BadEnvFile as error:
                raise LookupError(f"{name}:{error.line}") from None
            variables |= {key.encode(): value.encode() for key, value in found.values.items()}
            doubts += len(found.doubts)
        for name, file, optional in self.env_from:
            content = self.content(file, optional)
            if content is not None and b"\0" in content:
                raise LookupError(file, "NUL")
            if content is not None:
                variables[name.encode()] = content[:-1] if content.endswith(b"\n") else content
        credentials = {name: self.content(file, optional=False) for name, file in self.credentials.items()}
        return variables, credentials, doubts

    def check(self, found, variables, credentials, doubts):
        assert (dict(found.variables), dict(found.credentials)) == (variables, credentials)
        assert len(found.doubts) == doubts
        home = {b"HOME": pwd.getpwuid(os.geteuid()).pw_dir.encode()} if self.user_env else {}
        assert {name: value for name, value in found.of_user.items() if name == b"HOME"} == home
        assert found.is_secret == bool(variables or credentials)
        values = [*variables.values(), *credentials.values()]
        lines = {line.strip() for value in values for line in value.decode().splitlines()}
        shown = found.masked("\n".join(sorted(lines)))
        assert not any(line in shown for line in lines if len(line) >= 6)
        assert "-and-more" not in shown or "secret-and-more" not in lines
        assert all(line in shown for line in lines if line == "short")


def lives(folder, names, seeds=BUDGET):
    for seed in range(seeds):
        (folder / str(seed)).mkdir()
        Starts(folder / str(seed), seed, names).live()


@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation, tmp_path):
    assert_found(mutation, lambda: lives(tmp_path, copy_with(mutation)))


def test_each_start_is_given_what_the_files_have_then(tmp_path):
    """Or fails with the option, the file and the reason, and the next one is read anew."""
    lives(tmp_path, vars(given))
