"""No test of the client reaches this machine's own configuration; where it needs a master, it has a fake one."""

from tests.support.fake_master_fixtures import master, nothing_of_this_machine

__all__ = ["master", "nothing_of_this_machine"]
