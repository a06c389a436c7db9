"""The access sections, and their mistakes."""

import hashlib
import os

import pytest

from procman.config.load import read

HEAD = "[supervisord]\n[unix_http_server]\nfile=/tmp/s\naccess=roles\nchmod=0666\n[program:web]\ncommand=/bin/sleep 1\n"


def loaded(tmp_path, text, *, head=HEAD, places=False):
    file = tmp_path / "f.conf"
    file.write_text(head + text)
    return read(str(file), places=places)


def problems(tmp_path, text, *, head=HEAD, places=False):
    """The complaints about what stands below the head, without the name of the file."""
    found = loaded(tmp_path, text, head=head, places=places).problems
    return [str(one).replace(str(tmp_path), "") for one in found if one.section != "program:web"]


def test_users_and_groups_are_numbers(tmp_path):
    """Names become numbers; a number need not have a name, nor one after a ?."""
    text = "[access:x]\nusers=root, 4242, %%17, ?nobody-of-that-name\ngroups=root, 99\nallow=operate\n"
    (access,) = loaded(tmp_path, text).config.access
    assert access.uids == (0, 4242, 17)
    assert access.gids == (0, 99)
    assert access.shows_logs
    assert access.programs == ("*",)


def test_the_toml_form_means_the_same(tmp_path):
    """A section is a table."""
    (tmp_path / "f.toml").write_text(
        '[unix_http_server]\nfile = "/tmp/s"\naccess = "roles"\n[program.web]\ncommand = "x"\n'
        '[access.x]\nusers = ["root", "17"]\nallow = "read"\nprograms = ["web"]\n'
    )
    (access,) = read(str(tmp_path / "f.toml")).config.access
    assert (access.uids, access.allow, access.programs, access.shows_logs) == ((0, 17), "read", ("web",), False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("users=no-such-user", "/f.conf:9: [access:x] users: there is no user 'no-such-user' on this machine: make it"),
        ("groups=no-such-group", "/f.conf:9: [access:x] groups: there is no group 'no-such-group' on this machine"),
        ("allow=read", "/f.conf:8: [access:x]: the section names nobody: add users"),
        ("users=root\nallow=reed", "/f.conf:10: [access:x] allow: cannot read 'reed': expected one of none, metrics"),
        (
            "users=root\nprograms=wob",
            "/f.conf:10: [access:x] programs: no process has the name 'wob'; did you mean web?",
        ),
        (
            "users=root\nallow=metrics\nlogs=true",
            "/f.conf:11: [access:x] logs: nobody can read logs with the role metrics",
        ),
        ("token_file=/no/such", "/f.conf:9: [access:x] token_file: cannot read /no/such: no such file or directory"),
        ("token_file=/etc", "/f.conf:9: [access:x] token_file: cannot read /etc: is a directory"),
    ],
)
def test_each_mistake_has_its_place(tmp_path, text, said):
    """A complaint has the file, the line, the option, and a way out."""
    (found,) = problems(tmp_path, f"[access:x]\n{text}\n")
    assert found.startswith(said)


def test_tokens_are_read_as_digests(tmp_path):
    """Comments are left out; what is no digest is named by its line, and not shown."""
    digest = hashlib.sha256(b"t0ken").hexdigest()
    tokens = tmp_path / "tokens"
    tokens.write_text(f"# of the CI\n{digest.upper()}  -\n\n{'0' * 64} # old\n")
    (access,) = loaded(tmp_path, f"[access:x]\ntoken_file={tokens}\n").config.access
    assert access.digests == (digest, "0" * 64)
    tokens.write_text("hunter2\n")
    (found,) = problems(tmp_path, f"[access:x]\ntoken_file={tokens}\n")
    assert "/tokens:1 is no digest" in found
    assert "hunter2" not in found
    os.chmod(tokens, 0o666)
    (found,) = problems(tmp_path, f"[access:x]\ntoken_file={tokens}\n")
    assert "every user may write it" in found


def test_sections_that_no_server_goes_by_are_named(tmp_path):
    """Without access = roles they say nothing, and options of roles neither."""
    head = HEAD.replace("access=roles", "owner_role=operate")
    found = problems(tmp_path, "[access:x]\nusers=root\n", head=head)
    assert [one for one in found if "without access = roles" in one]
    assert [one for one in found if "no server uses it: add access = roles" in one]


def test_doubts_are_for_check(tmp_path):
    """A socket that only its owner reaches, tokens in clear text, and a user that never counts."""
    head = HEAD.replace("chmod=0666\n", "") + "[inet_http_server]\nport=*:9001\naccess=roles\n"
    found = "\n".join(problems(tmp_path, "[access:x]\nusers=65534\n", head=head, places=True))
    assert "with mode 0700 only its owner reaches the socket: add chmod = 0666" in found
    assert "tokens cross the network unencrypted: add certfile" in found
    assert "no [access:NAME] section has a token, so every request is refused: add one" in found
    assert "uid 65534 is whoever the kernel has no number for" in found
    head += "username=u\npassword=p\n"  # which lets somebody in
    assert "every request is refused" not in "\n".join(problems(tmp_path, "", head=head, places=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keyfile=/etc/passwd", "keyfile needs a certificate: add certfile"),
        ("certfile=/no/such", "cannot look at /no/such: no such file or directory"),
        ("certfile=/etc", "/etc is not a file: name a PEM file"),
        ("certfile=/etc/passwd", "every user can read the private key in /etc/passwd: chmod o-rwx /etc/passwd"),
    ],
)
def test_certificates_have_to_be_there(tmp_path, text, said):
    """A file that is missing is an error before anything starts."""
    head = f"[supervisord]\n[program:web]\ncommand=/bin/sleep 1\n[inet_http_server]\nport=127.0.0.1:9001\n{text}\n"
    assert said in "\n".join(problems(tmp_path, "", head=head))


def test_check_reads_the_certificate(tmp_path):
    """`procman check` finds what a start would find."""
    head = "[supervisord]\n[program:web]\ncommand=/bin/sleep 1\n[inet_http_server]\nport=127.0.0.1:9001\n"
    found = problems(tmp_path, "certfile=/etc/passwd\n", head=head, places=True)
    assert [one for one in found if "/etc/passwd has no certificate in it: expected PEM" in one]
