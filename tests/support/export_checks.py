"""For the tests of the exports: a configuration from a text, and validators of the other engines.

To import these validators takes a second, which each worker of a run would pay: they are imported when they validate.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from graphlib import TopologicalSorter
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from procman.config.assumptions import Assumptions
from procman.config.load import load
from procman.config.schema.configuration import Config
from procman.convert.result import Target

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

# The oldest Kubernetes that is still looked after somewhere, and the oldest with init containers that stay up.
KUBERNETES = "1.27"
SIDECARS = "1.29"
TIMEOUT = 60
NOBODY = 65534


def configured(folder: Path, text: str, *, name: str = "supervisord.conf", **assumed) -> Config:
    """The configuration of a file with that text and a [supervisord] section."""
    file = folder / name
    file.write_text(text + ("" if name.endswith(".toml") or "[supervisord]" in text else "\n[supervisord]\n"))
    return load(str(file), assume=Assumptions(**assumed))


def target(name: str = "shop", *, split: bool = False) -> Target:
    return Target(name=name, image="registry.example/shop:1.2", procman="/usr/local/bin/procman", split=split)


def only(files) -> str:
    (text,) = files.values()
    return text


# ------------------------------------------------------------------------------------------------ Kubernetes, compose


def deployment(text: str) -> dict:
    """The document, after a check by the oldest and the newest Kubernetes and by rules that no schema has."""
    import kubernetes_validate

    document = yaml.safe_load(text)
    pod = document["spec"]["template"]["spec"]
    containers = [*pod.get("initContainers", []), *pod["containers"]]
    oldest = SIDECARS if any("restartPolicy" in container for container in containers) else KUBERNETES
    for version in (oldest, kubernetes_validate.latest_version()):
        kubernetes_validate.validate(document, version, strict=True)
    names = [document["metadata"]["name"], *(container["name"] for container in containers)]
    for name in names:
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name), name
    assert len(set(names[1:])) == len(names) - 1 > 0
    assert document["spec"]["selector"]["matchLabels"] == document["spec"]["template"]["metadata"]["labels"]
    return document


def services(text: str) -> dict:
    """The services of a compose file, after a check of the specification and of their dependencies."""
    document = yaml.safe_load(text)
    _compose().validate(document)
    found = document["services"]
    assert found
    for service in found.values():
        waits = service.get("depends_on", {})
        for other in waits:
            assert "profiles" not in found[other] or waits[other]["required"] is False
            if isinstance(waits, dict) and waits[other]["condition"] == "service_healthy":
                assert "healthcheck" in found[other]
    _no_circle({name: list(service.get("depends_on", ())) for name, service in found.items()})
    return found


def _no_circle(waits: dict[str, list[str]]) -> None:
    """Compose refuses services that wait for each other."""
    TopologicalSorter(waits).prepare()


@cache
def _compose() -> "Validator":
    from jsonschema.validators import validator_for

    vendored = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    schema = json.loads(vendored.read_text())
    return validator_for(schema)(schema)


# ------------------------------------------------------------------------------------------------ systemd


def need_systemd() -> str:
    """Skip the test without systemd; in CI, fail it."""
    for path in ("/usr/lib/systemd/systemd", "/lib/systemd/systemd"):
        if os.access(path, os.X_OK) and shutil.which("systemd-analyze"):
            return path
    reason = "systemd is not installed"
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    raise AssertionError(reason)


def verified(files, folder: Path) -> list[str]:
    """The complaints of `systemd-analyze verify`, except about programs that are not on this machine."""
    need_systemd()
    for name, text in files.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(folder / name) for name in files)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    absent = re.compile(r"Command .* is not executable: No such file or directory|Failed to resolve .* No such file")
    # Debian 12 has systemd 252, which ignores what came with 254.
    newer = re.compile(r"Unknown key (name )?'Restart(Steps|MaxDelaySec)'")
    said = [line for line in done.stderr.splitlines() if not absent.search(line) and not newer.search(line)]
    assert said or done.returncode == 0 or done.stderr
    return said


def as_systemd_reads_it(files, unit: str) -> dict[str, list[str]]:
    """What systemd itself reads from one of these units: `systemd --test` prints everything it has loaded."""
    systemd = need_systemd()
    # Not below pytest's folder, which is closed to others: systemd tests its units for no root.
    with tempfile.TemporaryDirectory(prefix="pm") as name:
        folder = Path(name)
        folder.chmod(0o777)
        for file, text in files.items():
            (folder / file).write_text(text)
        (folder / "all.target").write_text(f"[Unit]\nWants={unit}\n")
        for path in folder.iterdir():
            path.chmod(0o644)
        done = subprocess.run(
            [systemd, "--test", "--user", "--unit=all.target"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            user=NOBODY if os.geteuid() == 0 else None,
            env={
                "HOME": name,
                "PATH": os.environ["PATH"],
                "XDG_RUNTIME_DIR": name,
                "SYSTEMD_LOG_TARGET": "console",
                "SYSTEMD_UNIT_PATH": name,
            },
        )
        dump = done.stdout + done.stderr
    assert f"Unit {unit}:" in dump, dump
    found: dict[str, list[str]] = {}
    lines = dump.split(f"-> Unit {unit}:\n", 1)[1].split("\n\t-> Unit ", 1)[0].split("\n")
    for line in lines:
        key, colon, value = line.lstrip("\t").partition(": ")
        if colon:
            found.setdefault(key, []).append(value)
    return found
