"""No test of the client uses this machine's configuration; tests that need a master have a fake one."""

from tests.support.fake_master_fixtures import master, nothing_of_this_machine

__all__ = ["master", "nothing_of_this_machine"]
