"""What is mounted where, and whether that is memory."""

import pytest

from procman.system.mounts import is_in_memory, mounts, parse

TABLE = parse(
    "22 1 0:20 / / rw,relatime shared:1 - overlay overlay rw\n"
    "23 22 0:21 / /tmp rw - tmpfs tmpfs rw,size=65536k\n"
    "24 22 8:1 /a\\040b /tmp/on\\040disk rw master:2 - ext4 /dev/sda1 rw\n"
    "25 22 0:22 / /srv rw - tmpfs tmpfs rw\n"
    "26 25 8:2 / /srv rw - xfs /dev/sdb1 rw\n"
)


@pytest.mark.parametrize(
    ("path", "in_memory"),
    [("/", False), ("/tmp", True), ("/tmp/deep/er", True), ("/tmpfs", False), ("/tmp/on disk", False), ("/srv", False)],
)
def test_the_mount_around_a_folder_says_whether_it_is_in_memory(path, in_memory):
    """The innermost one, and of those in the same place the last."""
    assert is_in_memory(path, TABLE) is in_memory


def test_a_link_is_followed(tmp_path):
    """What counts is where the files are."""
    (tmp_path / "link").symlink_to("/tmp/deep")
    assert is_in_memory(str(tmp_path / "link"), [*TABLE]) is True


def test_the_table_of_this_machine_can_be_read():
    """/proc is its own file system, and no memory."""
    assert {mount.kind for mount in mounts() if mount.where == "/proc"} == {"proc"}
    assert not is_in_memory("/proc", mounts())
