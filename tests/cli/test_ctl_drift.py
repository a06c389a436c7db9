"""drift: what differs, and what to type against it."""

import pytest

SAME = {
    "name": "web",
    "pid": 7,
    "drifted": True,
    "gone_from_file": False,
    "options": [],
    "environment": [],
    "credentials": [],
    "trouble": "",
    "binary": "",
    "libraries": [],
}


@pytest.mark.parametrize(
    ("differs", "way_out"),
    [
        ({"options": ["nice"]}, "procmanctl update"),
        ({"gone_from_file": True}, "procmanctl update"),
        ({"environment": ["PW"]}, "procmanctl restart web"),
        (
            {"options": ["nice"], "binary": "its binary /usr/bin/web was replaced"},
            "procmanctl update; procmanctl restart web, unless that has restarted it",
        ),
    ],
)
def test_each_difference_has_a_way_out(ctl, master, differs, way_out):
    """An update that changes an option in place leaves the rest as it is."""
    master.answers["GET", "/v1/drift"] = {"drifts": [SAME | differs], "file_problems": []}
    ran = ctl("drift")
    assert (ran.text.splitlines()[-1], ran.status) == (f"  try          {way_out}", 1)
