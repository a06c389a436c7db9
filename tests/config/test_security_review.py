"""How exposed programs are by what their sections say, what is found, and the lines that mend it."""

import itertools
import string

import pytest

from procman.config.load import read
from procman.config.security_review import NOT_RATED, Review, review, to_json

CONFINED = {
    "user": "nobody",
    "capabilities": "none",
    "no_new_privs": "true",
    "private_tmp": "true",
    "read_only_paths": "/",
    "read_write_paths": "/var/tmp",
    "inaccessible_paths": "?/home, ?/root",
    "environment_inherit": "none",
    "umask": "027",
}


def reviewed(folder, *programs: dict[str, str], master: str = "") -> list[Review]:
    """Of an INI file with these programs: a, b and so on."""
    path = folder / "p.conf"
    sections = [f"[supervisord]\n{master}"]
    for name, options in zip(_names(), programs, strict=False):
        lines = "".join(f"{option}={value}\n" for option, value in options.items())
        sections.append(f"[program:{name}]\ncommand=/bin/cat\n{lines}")
    path.write_text("\n".join(sections))
    config = read(str(path)).config
    assert config is not None
    return review(config)


def _names():
    return (first + second for first in ("", *string.ascii_lowercase) for second in string.ascii_lowercase)


def slugs(found: Review) -> set[str]:
    return {finding.slug for finding in found.findings}


def test_nothing_is_found_where_all_is_set(tmp_path):
    """The exposure is 0; and a bare section, which may be root, is near 10."""
    confined, bare = reviewed(tmp_path, CONFINED, {})
    assert (confined.exposure, confined.findings) == (0.0, ())
    assert bare.exposure >= 9
    assert [one.weight for one in bare.findings] == sorted((one.weight for one in bare.findings), reverse=True)


@pytest.mark.parametrize("left_out", [name for name in CONFINED if name != "read_write_paths"])
def test_each_option_that_is_missing_is_found_with_its_line(tmp_path, left_out):
    """The exposure is above 0; the line that is named, in the form of the file, makes it 0 again."""
    [found] = reviewed(tmp_path, {name: value for name, value in CONFINED.items() if name != left_out})
    if left_out == "capabilities":  # another user than root has none anyway
        assert found.exposure == 0
        return
    assert 0 < found.exposure < 5
    lines = [one.add for one in found.findings]
    wanted = f"{left_out} = {CONFINED[left_out]}" if left_out != "user" else "user = NAME"
    assert any(line.startswith(wanted) for line in lines)


def test_more_is_never_worse(tmp_path):
    """Whatever is set, one more of these options does not raise the exposure."""
    names = ("capabilities", "no_new_privs", "private_tmp", "read_only_paths", "inaccessible_paths")
    sets = [frozenset(part) for size in range(6) for part in itertools.combinations(names, size)]
    found = {one.name: one for one in reviewed(tmp_path, *({name: CONFINED[name] for name in some} for some in sets))}
    exposures = {some: found[name].exposure for some, name in zip(sets, _names(), strict=False)}
    for some, exposure in exposures.items():
        assert all(exposures[some | {name}] <= exposure for name in names)


def test_root_with_sys_admin_can_undo_its_view(tmp_path):
    """That is said, counts half, and is gone without sys_admin."""
    can, cannot = reviewed(
        tmp_path,
        {**CONFINED, "user": "root", "capabilities": "all"},
        {**CONFINED, "user": "root", "capabilities": "chown"},
    )
    undone = [one for one in can.findings if "sys_admin it can undo that" in one.text]
    assert {one.slug for one in undone} == {"shared-tmp", "writable-files", "visible-homes"}
    assert {one.add for one in undone} == {"capabilities = all, -sys_admin"}
    assert not any("undo" in one.text for one in cannot.findings)
    assert cannot.exposure < can.exposure


def test_a_best_effort_counts_half(tmp_path):
    """Where it cannot be set, the program starts without."""
    sure, best = reviewed(tmp_path, CONFINED, {**CONFINED, "user": "daemon", "private_tmp": "?true"})
    assert (slugs(sure), slugs(best)) == (set(), {"shared-tmp"})
    assert "where that cannot be, it starts without" in best.findings[0].text


def test_a_user_is_shared_by_those_that_are_named(tmp_path):
    """Programs of one user can signal and trace each other; the master's user counts, too."""
    one, other = reviewed(tmp_path, CONFINED, {**CONFINED, "user": "daemon"}, master="user=daemon\n")[:2]
    assert "shared-user" not in slugs(one) | slugs(other)
    found = reviewed(tmp_path, CONFINED, CONFINED)
    assert all("it shares its user with [program:" in review.findings[0].text for review in found)


def test_secrets_umask_and_hooks_of_the_master(tmp_path):
    """Each is one finding; no value of a secret is shown."""
    [found] = reviewed(
        tmp_path, {**CONFINED, "environment": "DB_PASSWORD=hunter2", "umask": "000", "pre_start": "+true"}
    )
    assert slugs(found) == {"secrets-in-file", "umask", "commands-as-master"}
    assert "hunter2" not in str(found)


def test_json_says_what_is_not_rated(tmp_path):
    """Beside what was found, and the limit."""
    data = to_json(reviewed(tmp_path, {}), 5.0)
    assert (data["max"], data["not_rated"]) == (5.0, list(NOT_RATED))
    [one] = data["programs"]
    assert one["section"] == "program:a"
    assert all(set(finding) == {"slug", "weight", "text", "add"} for finding in one["findings"])
