"""Where the core of a process went: of a real one, and by patterns that other machines have."""

import os
import resource
import subprocess
import time

import pytest

from procman.system import core_files
from procman.system.core_files import Core, Dumped, find_core


@pytest.fixture
def pattern(tmp_path, monkeypatch):
    """Sets the pattern of the kernel, as this code reads it."""

    def set_it(text: str, uses_pid: str = "0") -> None:
        for name, value in (("_PATTERN", text), ("_USES_PID", uses_pid)):
            file = tmp_path / name
            file.write_text(f"{value}\n")
            monkeypatch.setattr(core_files, name, str(file))

    return set_it


def dumped(folder, **facts) -> Dumped:
    """A process that has just been started in that folder."""
    options = {"pid": 77, "began": time.time(), "signal": 11, "directory": str(folder)}
    return Dumped(**{**options, **facts})


def test_a_real_core_is_found(tmp_path):
    """Where this machine writes cores to files."""
    began = time.time()
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip("the limit for cores may not be raised here")
    with subprocess.Popen(["/bin/sh", "-c", "ulimit -c unlimited; kill -ABRT $$"], cwd=tmp_path) as process:
        assert process.wait() == -6
    with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as file:
        text = file.read().strip()
    found = find_core(Dumped(process.pid, began, 6, str(tmp_path), "/bin/sh", os.getuid(), os.getgid()))
    if text.startswith("|"):
        assert found == Core("", text[1:].split()[0])
    elif text.startswith("core"):
        assert os.path.dirname(found.path) == str(tmp_path)
        assert found.sentence == f"its core is {found.path}"


@pytest.mark.parametrize(
    ("text", "uses_pid", "name"),
    [
        ("core", "0", "core"),
        ("core", "1", "core.77"),
        ("core.%p", "1", "core.77"),
        ("core-%e.%p.%s", "0", "core-python3.77.11"),
        ("%E.%t.%u.%g", "0", "!bin!app.1795000000.5.6"),
        ("100%%-[%p]-%h", "0", f"100%-[77]-{os.uname().nodename}"),
        ("core.%p%", "0", "core.77"),
        ("core.%P.%i.%d", "0", "core.4711.1.1"),
    ],
)
def test_the_letters_of_the_pattern_are_filled_in(tmp_path, pattern, text, uses_pid, name):
    """What is not known of the process matches anything."""
    pattern(text, uses_pid)
    folder = tmp_path / "run [1]"
    folder.mkdir()
    (folder / name).touch()
    (folder / "core.78").touch()
    found = find_core(dumped(folder, executable="/bin/app" if not os.path.islink("/bin") else "", uid=5, gid=6))
    assert found.path == str(folder / name)


def test_an_absolute_pattern_has_a_folder_of_its_own(tmp_path, pattern):
    """Whatever the process's own folder is."""
    (tmp_path / "cores").mkdir()
    (tmp_path / "cores/77").touch()
    pattern(f"{tmp_path}/cores/%p")
    assert find_core(dumped("/")).path == f"{tmp_path}/cores/77"


def test_the_core_of_an_earlier_process_is_not_taken(tmp_path, pattern):
    """Of several, the newest is; a folder of that name is none."""
    pattern("core*%e")
    for name, age in (("core.a", 500), ("core.b", 20), ("core.c", 30)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    (tmp_path / "core.d").mkdir()
    pattern("core.%e")
    assert find_core(dumped(tmp_path, began=time.time() - 100)).path == str(tmp_path / "core.b")
    assert find_core(dumped(tmp_path)) == Core("")
    assert find_core(dumped(tmp_path)).sentence == ""


def test_a_handler_gets_the_core_instead(pattern):
    """The sentence names it, and how to ask systemd's."""
    pattern("|/usr/share/apport/apport -p%p -s%s")
    assert find_core(dumped("/")).sentence == "its core went to /usr/share/apport/apport (kernel.core_pattern)"
    pattern("|/usr/lib/systemd/systemd-coredump %P %u")
    assert find_core(dumped("/")).sentence == "systemd-coredump has its core: coredumpctl list"


def test_without_a_pattern_there_is_none(pattern, monkeypatch):
    """Cores are off, or /proc is not there."""
    pattern("")
    assert find_core(dumped("/")) == Core("")
    monkeypatch.setattr(core_files, "_PATTERN", "/no/such/file")
    assert find_core(dumped("/")) == Core("")
