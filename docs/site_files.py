"""A hook of MkDocs: the site has the pages of the whole repository, at the paths that they have there.

So a link from docs/ to README.md or to a sample in conf/ works on a forge and in the site. Addresses leave `docs/` out.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
# Everything else is code, or is generated for other tools.
SHOWN = ["*.md", "LICENSE", "docs/**/*", "conf/*", "conf/demo/*", "conf/examples/**/*"]
LEFT_OUT = {".py", ".pyc", ".1", ".5"}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Take the files of the repository instead of those of docs/ alone."""
    shown = Files([file for file in files if file.src_dir != config.docs_dir])  # those of the theme
    for path in sorted({path for pattern in SHOWN for path in ROOT.glob(pattern)}):
        name = path.relative_to(ROOT).as_posix()
        if path.is_file() and (not name.startswith("docs/") or path.suffix not in LEFT_OUT):
            shown.append(shown_file(name, config))
    return shown


def shown_file(name: str, config: MkDocsConfig) -> File:
    """A file of the repository, at the address that it has in the site."""
    file = File(name, str(ROOT), config.site_dir, config.use_directory_urls)
    if name == "docs/README.md":
        file.dest_uri = "all-pages/index.html"
    else:
        file.dest_uri = file.dest_uri.removeprefix("docs/")
    return file


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 (MkDocs names them)
    """A forge lists a directory, and the site has nothing to show for it: such a link becomes its text."""
    folder = (ROOT / page.file.src_uri).parent
    return re.sub(
        r"\[([^]\[]+)\]\(([\w./-]+)\)", lambda link: link[1] if (folder / link[2]).is_dir() else link[0], markdown
    )
