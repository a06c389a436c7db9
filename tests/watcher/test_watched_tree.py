"""What counts as a change is how the files are afterwards, whatever has happened in between."""

import os
import shutil

import pytest

from procman.system.watch_patterns import Watched
from procman.watcher import watched_tree
from procman.watcher.watched_tree import TooMany, Tree


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "app.py").write_text("1")
    (tmp_path / "src" / "deep" / "b.py").write_text("1")
    made = Tree(Watched(str(tmp_path), ["src/"]))
    made.scan()
    return made


def names(paths, tmp_path):
    return [os.path.relpath(path, tmp_path) for path in paths]


def vim(path):
    """With backupcopy=no: what may be written is tried, the old file is moved away, and a new one is written."""
    (path.parent / "4913").touch()
    (path.parent / "4913").unlink()
    path.rename(f"{path}~")
    path.write_text("changed by vim")
    os.unlink(f"{path}~")


def sed(path):
    """As `sed -i`: a temporary file is renamed into place."""
    other = path.parent / "sedAbCdEf"
    other.write_text("changed by sed")
    other.rename(path)


def git(path):
    """As a checkout: the file is removed and made again."""
    path.unlink()
    path.write_text("changed by git")


def write(path):
    path.write_text("changed in place")


def rsync(path):
    """With the time of the source, which is long ago."""
    other = path.parent / ".app.py.Xy12"
    other.write_text("changed")
    os.utime(other, (1, 1))
    other.rename(path)


@pytest.mark.parametrize("save", [vim, sed, git, write, rsync])
def test_however_an_editor_saves_it_is_one_changed_file(save, tree, tmp_path):
    """Those that it makes for that and removes are not told."""
    path = tmp_path / "src" / "app.py"
    save(path)
    seen = [str(path), f"{path}~", *(str(path.parent / name) for name in ("4913", "sedAbCdEf", ".app.py.Xy12"))]
    assert names(tree.look(seen), tmp_path) == ["src/app.py"]
    assert tree.look(seen) == []
    assert not tree.needs_scan


def test_what_leaves_the_content_as_it_was_is_no_change(tree, tmp_path):
    """Another mode; a file that came and went."""
    path = tmp_path / "src" / "app.py"
    path.chmod(0o600)
    path.read_text()
    assert tree.look([str(path), str(tmp_path / "src" / "gone")]) == []


def test_a_file_that_is_new_or_gone_is_a_change(tree, tmp_path):
    """Each by its name."""
    new, old = tmp_path / "src" / "new.py", tmp_path / "src" / "app.py"
    new.touch()
    old.unlink()
    assert names(tree.look([str(new), str(old)]), tmp_path) == ["src/new.py", "src/app.py"]


def test_a_new_folder_has_everything_looked_at(tree, tmp_path):
    """What is in it may have been written before anybody could watch it."""
    folder = tmp_path / "src" / "new"
    folder.mkdir()
    (folder / "x.py").touch()
    assert tree.may_matter(str(folder))
    assert tree.look([str(folder)]) == []
    assert tree.needs_scan
    assert names(tree.scan(), tmp_path) == ["src/new/x.py"]
    assert str(folder) in tree.folders


def test_a_folder_that_is_ignored_is_neither_watched_nor_looked_into(tree, tmp_path):
    """Such as node_modules with its thousands."""
    folder = tmp_path / "src" / "node_modules"
    (folder / "x").mkdir(parents=True)
    tree.look([str(folder)])
    assert not tree.needs_scan
    assert tree.scan() == []
    assert not any("node_modules" in folder for folder in tree.folders)


def test_a_folder_may_be_removed_and_made_again(tree, tmp_path):
    """Meanwhile, what is above it is watched."""
    folder = tmp_path / "src"
    shutil.rmtree(folder)
    tree.look([str(folder)])
    assert tree.needs_scan
    assert names(tree.scan(), tmp_path) == ["src/app.py", "src/deep/b.py"]
    assert tree.folders == {str(tmp_path)}
    folder.mkdir()
    (folder / "app.py").touch()
    tree.look([str(folder)])
    assert tree.needs_scan
    assert names(tree.scan(), tmp_path) == ["src/app.py"]


def test_links_to_folders_are_not_followed_and_links_to_files_are(tmp_path):
    """As in a ConfigMap of Kubernetes: the file is a link by way of another one, and that is replaced."""
    conf = tmp_path / "conf"
    (conf / "..1").mkdir(parents=True)
    (conf / "..1" / "app.conf").write_text("1")
    os.symlink("..1", conf / "..data")
    os.symlink("..data/app.conf", conf / "app.conf")
    os.symlink("/usr", conf / "elsewhere")
    tree = Tree(Watched(str(tmp_path), ["conf/*.conf"]))
    tree.scan()
    assert tree.folders == {str(conf)}
    (conf / "..2").mkdir()
    (conf / "..2" / "app.conf").write_text("2")
    os.symlink("..2", conf / "..tmp")
    os.rename(conf / "..tmp", conf / "..data")
    assert tree.may_matter(str(conf / "..data"))
    assert names(tree.look([str(conf / "..data")]), tmp_path) == ["conf/app.conf"]


def test_a_file_that_is_a_link_is_watched_where_it_lies(tmp_path):
    """The name that the file of the configuration has is told."""
    (tmp_path / "real").mkdir()
    (tmp_path / "here").mkdir()
    real, link = tmp_path / "real" / "a", tmp_path / "here" / "a"
    real.write_text("1")
    os.symlink(real, link)
    tree = Tree(Watched(str(tmp_path / "here"), ["a"]))
    tree.scan()
    assert str(real.parent) in tree.folders
    real.write_text("12")
    assert tree.may_matter(str(real))
    assert tree.look([str(real)]) == [str(link)]


def test_only_the_folders_that_a_pattern_needs_are_watched(tmp_path):
    """One with a * instead of ** has no need of those below."""
    for folder in ("a/x/y", "b/x/y", ".git/x"):
        (tmp_path / folder).mkdir(parents=True)
    tree = Tree(Watched(str(tmp_path), ["*/x/*.py"]))
    tree.scan()
    assert tree.folders == {str(tmp_path / name) for name in ("", "a", "a/x", "b", "b/x")}
    assert not tree.may_matter(str(tmp_path / "a" / "note.txt"))


def test_what_has_changed_after_a_time_is_found(tree, tmp_path):
    """Also a file that is older and was renamed into place; nothing, if that was before."""
    now = os.stat(tmp_path / "src" / "app.py").st_mtime
    assert tree.newer_than(now + 60) == []
    old = tmp_path / "old"
    old.write_text("1")
    os.utime(old, (1, 1))
    old.rename(tmp_path / "src" / "moved")
    tree.scan()
    assert str(tmp_path / "src" / "moved") in tree.newer_than(now - 60)


def test_too_many_folders_are_refused(tree, monkeypatch):
    """The kernel's limit would be reached, and memory used up."""
    monkeypatch.setattr(watched_tree, "MOST_FOLDERS", 1)
    with pytest.raises(TooMany):
        tree.scan()
