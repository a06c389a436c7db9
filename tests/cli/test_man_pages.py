"""The manual pages are good roff, and have everything that the reference pages have."""

import shutil
import subprocess
from pathlib import Path

import pytest

from procman.cli import man_pages
from procman.cli.exit_statuses import PROCMAN, PROCMANCTL
from procman.cli.procmanctl_flags import FLAGS
from procman.config.schema.sections import SECTIONS

FOLDER = Path(__file__).parents[2] / "docs" / "man"
TOOLS = {
    "mandoc": ["mandoc", "-Tlint", "-Wwarning"],
    "groff": ["groff", "-ww", "-Kutf8", "-Tutf8", "-man", "-z"],
}


@pytest.mark.parametrize("name", man_pages.PAGES)
@pytest.mark.parametrize(
    "tool", [pytest.param(name, marks=pytest.mark.skipif(shutil.which(name) is None, reason=name)) for name in TOOLS]
)
def test_neither_mandoc_nor_groff_finds_anything(name, tool):
    """Each page passes with all warnings."""
    done = subprocess.run([*TOOLS[tool], FOLDER / name], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.fixture
def shown():
    """A page as plain text on a wide terminal."""
    if shutil.which("groff") is None:
        pytest.skip("no groff")

    def show(name):
        words = ["groff", "-Kutf8", "-Tutf8", "-man", "-P-cbou", "-rLL=1000n", "-rHY=0"]
        done = subprocess.run(words, input=man_pages.PAGES[name](), capture_output=True, text=True, check=True)
        return done.stdout.replace("‐", "-")  # noqa: RUF001 - how groff writes a hyphen

    return show


def test_procman_has_every_command(shown):
    """All commands are sections, and the files that are searched for are named."""
    page = shown("procman.1")
    assert all(f"   procman {name} [flags]" in page for name in PROCMAN if name)
    assert "./procman.toml, ./conf/procman.toml" in page


def test_procmanctl_has_every_flag_and_command(shown):
    """All flags and commands are there, with usages and exit statuses."""
    page = shown("procmanctl.1")
    assert all(flag.usage in page for flag in FLAGS)
    assert all(f"\n   {name}\n" in page for name in PROCMANCTL)
    assert "       kill -HUP <name> [...]\n" in page
    assert "PROCMAN_SERVER_URL" in page


def test_procman_toml_has_every_option(shown):
    """All options of all sections are there, with kind, default, and what a change costs."""
    page = shown("procman.toml.5")
    for known in SECTIONS.values():
        for name in known.options:
            assert f"\n       {name}" in page
    assert "       stopsignal (signal, default TERM, on update: in place)\n" in page
