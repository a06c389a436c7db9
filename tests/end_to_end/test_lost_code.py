"""The code of a running master is gone or damaged: its programs do not suffer from that."""

import shutil

import pytest

from tests.support.master_process import ROOT
from tests.support.running_master import SLEEPER, RunningMaster

pytestmark = pytest.mark.slow


def test_programs_run_without_the_code_that_answers_clients_which_is_looked_for_again(tmp_path):
    """It is imported after the programs have been started, and may be gone by then; clients wait for it."""
    code = tmp_path / "code"
    # But for what another test compiles at this moment.
    shutil.copytree(ROOT / "procman", code / "procman", ignore=shutil.ignore_patterns("*.pyc.*"))
    whole = (code / "procman/daemon/control_plane.py").read_text()
    (code / "procman/daemon/control_plane.py").write_text("import nothing_that_is_there\n" + whole)
    programs = f"[program:x]\ncommand={SLEEPER}\nstartsecs=0\n"
    with RunningMaster(tmp_path, programs, PYTHONPATH=str(code), PYTHONDONTWRITEBYTECODE="1") as master:
        master.expect("success: x")
        reason = "ModuleNotFoundError: No module named 'nothing_that_is_there'"
        master.expect(f"CRIT cannot answer clients, and tries again every 2 seconds: {reason}")
        (code / "procman/daemon/control_plane.py").write_text(whole)
        master.expect("INFO now it answers clients")
        (process,) = master.call("GET", "/v1/processes")["processes"]
        assert process["statename"] == "RUNNING"
        assert master.stop() == 0
