"""`procman export`: where it writes, what it prints on stderr, and what it refuses."""

import os

import pytest

from procman.cli.procman import main

FILE = "[supervisord]\n[program:web]\ncommand=/bin/true\n[program:db]\ncommand=/bin/true\n"


@pytest.fixture
def export(tmp_path, capsys):
    """Run `procman export TO -c FILE WORDS...`; returns the exit status, stdout and stderr."""
    file = tmp_path / "shop.conf"
    file.write_text(FILE)

    def run(to, *words, text=FILE):
        file.write_text(text)
        status = main(["export", to, "-c", str(file), *words])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.mark.parametrize("to", ["kubernetes", "compose", "systemd"])
@pytest.mark.parametrize("split", [(), ("--split",)], ids=["whole", "split"])
def test_without_a_place_it_goes_to_stdout_and_the_notes_to_stderr(export, to, split):
    """A pipe gets only the files, which have each note as a comment."""
    status, out, err = export(to, *split)
    assert status == 0
    assert f"Written by `procman export {to}{' --split' if split else ''}`" in out
    assert all(line.startswith("procman export: ") for line in err.splitlines())
    comments = " ".join(line.strip("# ") for line in out.splitlines() if line.startswith("#"))
    for line in err.splitlines():
        assert line.removeprefix("procman export: ") in comments


@pytest.mark.parametrize("to", ["kubernetes", "compose"])
def test_the_default_image_has_a_valid_name(export, to):
    """The default is the name of the application in lower case."""
    assert "image: my-shop\n" in export(to, "--name", "My shop")[1]
    assert "image: r.example/x:1\n" in export(to, "--name", "My shop", "--image", "r.example/x:1")[1]


def test_a_dash_is_stdout_too(export, tmp_path, monkeypatch):
    """No file named - is written."""
    monkeypatch.chdir(tmp_path)
    assert export("compose", "-o", "-")[:2] == export("compose")[:2]
    assert not (tmp_path / "-").exists()


def test_several_files_on_stdout_are_told_apart(export):
    """A line precedes each file, as `head` prints it."""
    _, out, _ = export("systemd", "--split")
    assert [line for line in out.splitlines() if line.startswith("# ==>")] == [
        "# ==> shop.target <==",
        "# ==> shop-db.service <==",
        "# ==> shop-web.service <==",
    ]


def test_one_file_goes_where_it_is_told(export, tmp_path):
    """The file gets the given name, or its own in a given directory."""
    place = tmp_path / "out.yaml"
    assert export("compose", "-o", str(place))[1] == f"written: {place}\n"
    assert place.read_text().endswith("retries: 3\n")
    (tmp_path / "folder").mkdir()
    export("kubernetes", "-o", str(tmp_path / "folder"))
    export("systemd", "-o", f"{tmp_path}/new/")
    assert os.listdir(tmp_path / "folder") == ["shop.yaml"]
    assert os.listdir(tmp_path / "new") == ["shop.service"]


def test_several_files_go_into_a_folder(export, tmp_path):
    """The directory is created."""
    _, out, _ = export("systemd", "--split", "-o", str(tmp_path / "units"))
    assert sorted(os.listdir(tmp_path / "units")) == ["shop-db.service", "shop-web.service", "shop.target"]
    assert out.count("written: ") == 3


def test_names_come_from_the_command_line_or_from_the_file(export):
    """The image has the name of the application by default."""
    _, out, _ = export("kubernetes")
    assert "name: shop\n" in out
    assert "image: shop\n" in out
    _, out, _ = export("kubernetes", "--name", "store", "--image", "registry.example/s:2")
    assert "name: store\n" in out
    assert "image: registry.example/s:2\n" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["export"], "cannot export without a target: kubernetes, compose or systemd"),
        (["export", "docker"], "positional arguments are not supported: ['docker']"),
        (["export", "compose", "-c", "/nowhere.conf"], "/nowhere.conf"),
        (["export", "compose", "--splat"], "--splat"),
    ],
)
def test_what_cannot_be_understood_is_bad_usage(words, said, capsys):
    """The status is 2, with a way out and without a traceback."""
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_nothing_to_export_is_an_error_with_its_reason(export):
    """Nothing is written."""
    status, out, err = export("compose", "--split", text="[supervisord]\n[program:x]\ncommand=\n")
    assert (status, out) == (2, "")
    assert "none of its programs could run there; [program:x] is left out: its command is empty" in err


def test_a_place_that_cannot_be_written_to_is_an_error(export, tmp_path):
    """The message says what to do."""
    status, _, err = export("compose", "-o", str(tmp_path / "no" / "such" / "x.yaml"))
    assert status == 2
    assert "No such file or directory; name another place with -o" in err


def test_a_file_of_another_machine_can_be_exported(export, tmp_path):
    """--assume describes that machine, as for check."""
    text = FILE + "user=nobody-here\n"
    assert export("compose", "--split", text=text)[0] == 2
    machine = tmp_path / "machine.json"
    machine.write_text('{"users": {"nobody-here": 4711}}')
    status, out, _ = export("kubernetes", "--split", "--assume", str(machine), text=text)
    assert status == 0
    assert "runAsUser: 4711" in out
