#!/usr/bin/env python3
"""Sets each limit for real: boots a virtual machine with procman as PID 1, and looks at what the kernel says of it.

A container of many machines has no memory controller of cgroup v2, so this is where memory_max, cpu_max and a kill for
want of memory are seen. It needs qemu and a kernel of Debian, and no rights:

    apt-get install qemu-system-x86 linux-image-cloud-amd64 cpio
    .venv/bin/python bench/limits_in_vm/run.py

With /dev/kvm it takes seconds, emulated about two minutes. `inside.py` has what is looked at. It ends with 0 if all of
that holds.
"""

import argparse
import glob
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PACKAGES = ("procman", "psutil", "tomli", "rich", "h11", "cronsim", "dotenv", "pygments", "markdown_it", "mdurl")
TOOLS = ("/bin/sh", "/bin/sleep")
MEMORY = "1024"  # MB, of which the files take a fifth
LONGEST = 600  # seconds
PASSED = "all of it holds"


def main() -> int:
    options = _options()
    qemu = shutil.which(options.qemu)
    if qemu is None or options.kernel is None:
        missing = f"{options.qemu} is not installed" if qemu is None else "there is no /boot/vmlinuz-*"
        print(f"not run: {missing}; apt-get install qemu-system-x86 linux-image-cloud-amd64 cpio", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="limits-in-vm-") as folder:
        image = _image(Path(folder))
        said = _boot(qemu, options.kernel, image)
    return 0 if PASSED in said else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--qemu", default="qemu-system-x86_64")
    kernels = sorted(glob.glob("/boot/vmlinuz-*"))
    parser.add_argument("--kernel", default=kernels[-1] if kernels else None)
    return parser.parse_args()


def _image(folder: Path) -> Path:
    """An initial file system with this Python, procman and what these need."""
    root = folder / "root"
    for name in ("proc", "sys", "dev", "tmp", "run", "etc", "root"):
        (root / name).mkdir(parents=True)
    python = os.path.realpath(sys.executable)
    library, site = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
    unused = shutil.ignore_patterns("test", "tests", "idlelib", "ensurepip", "site-packages", "__pycache__", "*.a")
    shutil.copytree(library, f"{root}{library}", ignore=unused)
    for package in PACKAGES:
        found = Path(site) / package
        source = found if found.exists() else HERE.parents[1] / package
        shutil.copytree(source, root / "site" / package, ignore=shutil.ignore_patterns("__pycache__"))
    for extension in Path(site).glob("*.so"):  # of tomli
        shutil.copy2(extension, root / "site")
    binaries = [python, *TOOLS, *glob.glob(f"{library}/lib-dynload/*.so"), *glob.glob(f"{site}/psutil/*.so")]
    for path in {*binaries, *(needed for binary in binaries for needed in _libraries(binary))}:
        target = Path(f"{root}{path}")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(os.path.realpath(path), target)
    (root / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\nnogroup:x:65534:\n")
    (root / "inside.py").write_bytes((HERE / "inside.py").read_bytes())
    (root / "init").write_text(f"#!{python}\nimport runpy\nrunpy.run_path('/inside.py', run_name='init')\n")
    (root / "init").chmod(0o755)
    image = folder / "image"
    names = subprocess.run(["find", ".", "-print0"], cwd=root, capture_output=True, check=True).stdout
    with image.open("wb") as file:
        subprocess.run(["cpio", "--quiet", "-0", "-o", "-H", "newc"], cwd=root, input=names, stdout=file, check=True)
    return image


def _libraries(binary: str) -> list[str]:
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=False).stdout
    words = (word for line in listed.splitlines() for word in line.split() if word.startswith("/"))
    return list(words)


def _boot(qemu: str, kernel: str, image: Path) -> str:
    """Run it to its end, and return what it has said, which is shown as it comes."""
    fast = ("-enable-kvm", "-cpu", "host") if _has_kvm() else ("-cpu", "max")
    machine = ("-m", MEMORY, "-smp", "2", "-no-reboot", "-display", "none", "-monitor", "none", "-nic", "none")
    start = ("-kernel", kernel, "-initrd", str(image), "-serial", "stdio")
    # The generator of random numbers is ready at once: Python does not start without.
    line = "console=ttyS0 quiet panic=-1 random.trust_cpu=on"
    said = ""
    command = ["timeout", str(LONGEST), qemu, *fast, *machine, *start, "-append", line]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace") as vm:
        for text in vm.stdout or ():
            print(text, end="", flush=True)
            said += text
    return said


def _has_kvm() -> bool:
    try:
        os.close(os.open("/dev/kvm", os.O_RDWR))
    except OSError:
        return False
    flags = Path("/proc/cpuinfo").read_text()
    return "vmx" in flags or "svm" in flags


if __name__ == "__main__":
    sys.exit(main())
