"""What a master imports before it gives up root."""

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
