"""Whether programs can have a view of the file system of their own here."""

from procman.runtime.launch import launch_spec
from procman.system.capabilities import is_effective
from procman.system.spawn import spawn
from tests.support.forked import in_fork
from tests.support.launching import wait
from tests.support.programs import program


def may_mount() -> bool:
    """Whether this machine lets root make a mount namespace: containers usually do not."""

    def tried() -> bool:
        child = spawn(launch_spec(program(command="/bin/true", private_tmp=(-1, True))))
        wait(child)
        return not child.left_out

    return bool(is_effective("SYS_ADMIN") and in_fork(tried))
