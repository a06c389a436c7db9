"""Environments of programs by chance; and faults put into what a program inherits, and what overrides that, on purpose.

What is to come of it is written here a second time. Each fault has to be found by that.
"""

import re
from random import Random

from procman.config.schema import programs
from procman.runtime import launch
from procman.runtime.given import Given
from tests.support.mutations import Mutation, assert_found, copy_with, each

# As many programs as a fault may hide from.
BUDGET = 400
NAMES = ("PATH", "LANG", "LC_ALL", "LC_TIME", "SSH_KEY", "HOME", "A", "lc_x")
PATTERNS = ("PATH", "LC_*", "SSH_*", "A", "H?ME", "*")

MUTATIONS = [
    Mutation("what is unset alone filters nothing", programs, r"return bool\(self\.environment_unset\) or", "return"),
    Mutation("what is unset is there", programs, r"if any\((.*) in self\.environment_unset\):", "if False:"),
    Mutation("none is all", programs, r"(case \(kinds\.NONE,\):\n +)return False", r"\1return True"),
    Mutation("all is none", programs, r"(case \(kinds\.ALL,\):\n +)return True", r"\1return False"),
    Mutation("a pattern is a name", programs, r"return any\(.* in patterns\)", "return variable in patterns"),
    Mutation("all patterns have to match", programs, r"return any\((.* in patterns)\)", r"return all(\1)"),
    Mutation(
        "a small letter is a capital",
        programs,
        r"import fnmatchcase",
        "import fnmatch as _f\nfnmatchcase = lambda name, pattern: _f(name.upper(), pattern)",
    ),
    Mutation("nothing is filtered", launch, r"dict\(base\) if not .*", "dict(base)"),
    Mutation("there is no PATH", launch, r"env\.setdefault\(b\"PATH\", DEFAULT_PATH\.encode\(\)\)", "pass"),
    Mutation(
        "PATH is always the default",
        launch,
        r"env\.setdefault\(b\"PATH\", DEFAULT_PATH\.encode\(\)\)",
        'env[b"PATH"] = DEFAULT_PATH.encode()',
    ),
    Mutation("files give way to the master", launch, r"added\.pop\(name\)", "added[name]"),
    Mutation(
        "files give way to what is inherited",
        launch,
        r"env\.update\(given\.variables\)",
        "env = {**given.variables, **env}",
    ),
    Mutation("files are not given", launch, r"env\.update\(given\.variables\)", "pass"),
    Mutation("commands are looked for where the master would", launch, r"path = DEFAULT_PATH\n", "pass\n"),
    Mutation("commands are not looked for where a file says", launch, r"if given\.variables and \(.*\):", "if False:"),
    Mutation(
        "a file says where, whatever else does", launch, r"if given\.variables and \(.*\):", "if given.variables:"
    ),
]


class Start:
    """One of a program by chance; its rules are those of two modules, or of copies with a fault."""

    def __init__(self, seed, rules, starts):
        chance = Random(seed)

        def some(names, value, share=0.4):
            return {name: f"{value} {name}" for name in names if chance.random() < share}

        self.base = some(NAMES, "inherited", 0.7)
        self.master, self.own = some(NAMES, "master", 0.2), some(NAMES, "own", 0.2)
        self.files = some(NAMES, "file", 0.3) if chance.random() < 0.5 else {}
        self.inherit = chance.choice([("all",), ("none",), tuple(chance.sample(PATTERNS, 2))])
        self.unset = tuple(chance.sample(PATTERNS[:-1], chance.choice([0, 0, 1])))
        self.starts = starts
        self.given = Given(
            variables={name.encode(): value.encode() for name, value in self.files.items()}, credentials={}
        )
        self.program = rules["Program"](
            name="web",
            group="web",
            command="serve",
            environment={**self.master, **self.own},
            env_file=("app.env",) if self.files else (),
            from_master=tuple(name for name in self.master if name not in self.own) if self.files else (),
            environment_inherit=self.inherit,
            environment_unset=self.unset,
        )

    def check(self):
        base = {name.encode(): value.encode() for name, value in self.base.items()}
        found = self.starts["environment"](self.program, None, base, None, self.given)
        shown = {name.decode(): value.decode() for name, value in found.items() if not name.startswith(b"SUPERVISOR_")}
        inherited = {name: value for name, value in self.base.items() if self.passes(name)}
        filters = self.inherit != ("all",) or self.unset
        path = {"PATH": launch.DEFAULT_PATH} if filters and "PATH" not in inherited else {}
        assert shown == {**inherited, **path, **self.master, **self.files, **self.own}
        # Where the command is looked for; None: where the master would.
        said = {**self.master, **self.files, **self.own}.get("PATH")
        default = None if self.passes("PATH") else launch.DEFAULT_PATH
        assert self.starts["find_program"](self.program, self.given) == (said or default)

    def passes(self, name):
        def is_like(pattern):
            return re.fullmatch(pattern.replace("*", ".*").replace("?", "."), name) is not None

        if any(map(is_like, self.unset)):
            return False
        return self.inherit == ("all",) or (self.inherit != ("none",) and any(map(is_like, self.inherit)))


def lives(mutation=None):
    """Programs by chance, with that fault; without one, with the copies that have none."""
    no_fault = {module: Mutation("", module, r"\A", "") for module in (programs, launch)}
    copies = {module: copy_with(no_fault[module]) for module in no_fault}
    if mutation is not None:
        copies[mutation.module] = copy_with(mutation)
    starts = copies[launch]
    starts["find_command"] = lambda _command, _directory, path: path
    for seed in range(BUDGET):
        Start(seed, copies[programs], starts).check()


@each(MUTATIONS)
def test_a_seeded_fault_is_found(mutation):
    assert_found(mutation, lambda: lives(mutation))


def test_a_program_gets_what_it_is_to_inherit_and_what_overrides_that():
    """Inherited, of the master, of files, of its own: the later one counts. Without PATH there is a default."""
    lives()
