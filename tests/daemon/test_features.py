"""The modules that only programs with certain options need."""

import subprocess
import sys

import pytest

from procman.config.load import load
from procman.config.problems import ConfigError
from procman.daemon import features
from tests.support.master_process import ROOT

# Of a master that has read `argv[1]`.
CODE = """
import sys
import procman.cli.procman_commands.start
from procman.daemon.config_source import ConfigSource
ConfigSource(sys.argv[1], {}, True).read()
print(*sys.modules)
"""


def written(folder, *options: str) -> str:
    """The path of a configuration whose program has these options."""
    (folder / "x.conf").write_text("\n".join(["[supervisord]", "[program:web]", "command=/bin/true", *options, ""]))
    return str(folder / "x.conf")


def imported(path: str) -> set[str]:
    ran = subprocess.run([sys.executable, "-c", CODE, path], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(ran.stdout.split())


def test_a_master_imports_what_its_programs_need_when_it_reads_the_file(tmp_path):
    """So neither a start nor a look imports anything later; without those options, nothing of it is imported."""
    of_limits = {"procman.runtime.launch_limits", "procman.system.process_limits", "procman.system.mount_namespace"}
    of_memory = {"procman.system.tree_usage"}
    assert imported(written(tmp_path)) & (of_limits | of_memory) == set()
    assert imported(written(tmp_path, "rlimit_nofile=100", "memory_restart=1GB")) >= of_limits | of_memory


@pytest.mark.parametrize("option", ["nice=5", "memory_max=?1GB", "private_tmp=?true", "no_new_privs=true"])
def test_code_that_is_gone_is_a_problem_of_the_configuration(tmp_path, monkeypatch, option):
    """It is found when an update reads the file, and not when the program is started."""

    def gone(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    config = load(written(tmp_path, option))
    monkeypatch.setattr(features, "import_module", gone)
    with pytest.raises(
        ConfigError, match=r"\[program:web\]: procman's own code for limits cannot be imported \(No mod"
    ):
        features.import_features(config)
    features.import_features(load(written(tmp_path)))
