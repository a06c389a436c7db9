"""What a master imports at once, and what before it gives up root."""

import subprocess
import sys

from tests.support.master_process import ROOT

CODE = """
import sys
from procman.daemon.late_imports import import_optional_features
import_optional_features()
print(*(name in sys.modules for name in ("procman.services.notifications", "urllib3", "procman.webhook.sender")))
"""


def test_no_http_client_is_imported_into_the_master():
    """Its helper process has that, and imports it by itself."""
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.split() == ["True", "False", "False"]


# The answers to rare questions, and the features of few.
FOR_FEW = (
    "api.openapi",
    "config.update_plan",
    "services.crash_reports.keeper",
    "services.drift",
    "services.explain_service",
    "services.graph",
    "services.past",
    "services.update_plans",
    "simulator",
)


def test_a_master_begins_without_what_few_ask_for():
    """Neither the master nor its routes import any of it before somebody asks."""
    code = "import sys, procman.daemon.bootstrap, procman.daemon.routes; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert {f"procman.{name}" for name in FOR_FEW} & set(ran.stdout.split()) == set()
