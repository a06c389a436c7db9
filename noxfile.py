"""What a contributor runs: `nox` for lint, types and tests, `nox -s docs` or `nox -s bench` for one session.

Arguments after `--` go to the tool of the session.
"""

import nox

nox.needs_version = ">=2024.4"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_venv = "yes"
# Skip Pythons that are not installed, even if CI is set.
nox.options.error_on_missing_interpreters = False

PYTHONS = ["3.11", "3.12", "3.13"]


@nox.session
def lint(session: nox.Session) -> None:
    """Formatting and lint rules."""
    session.install("ruff>=0.6")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".", *session.posargs)


@nox.session
def types(session: nox.Session) -> None:
    """Type annotations: strictly in procman, and in the bodies of the tests' helpers."""
    session.install("-e", ".[test,dev]")
    session.run("mypy", "--strict", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests except container and slow ones, on each installed Python."""
    session.install("-e", ".[test]")
    session.run("python", "-m", "pytest", "-n", "auto", "-m", "not container and not slow", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks against supervisord."""
    session.install("-e", ".[test]")
    session.run("python", "bench/run", *session.posargs)


@nox.session
def packages(session: nox.Session) -> None:
    """Everything that a release consists of, in dist/: sdist, wheel, zipapp, packages, SBOM, checksums."""
    session.install("-e", ".[release]")
    session.run("python", "release/artefacts.py", "dist")


@nox.session
def release(session: nox.Session) -> None:
    """A release of what is committed: version, date in the changelog, commit, tag, and the files in dist/."""
    session.install("-e", ".[release]")
    session.run("python", "release/release.py", *session.posargs)
    session.run("python", "release/artefacts.py", "dist")
    session.log("ready in dist/; publish it by: git push --follow-tags && twine upload dist/*.whl dist/*.tar.gz")


@nox.session
def docs(session: nox.Session) -> None:
    """Regenerate docs/reference, the JSON schema and the pictures from the code; build the site in site/."""
    session.install("-e", ".[docs]", "pytest")
    session.run("python", "-m", "procman.cli.reference_docs", "docs/")
    session.run("python", "-m", "tests.support.import_graph")
    session.run("python", "-m", "tests.support.ways")
    session.run("mkdocs", "build", "--strict", *session.posargs)
