"""What a master answers of chaos."""


def step(at, name, before, after, reason=""):
    return {"at": at, "namespec": name, "before": before, "after": after, "reason": reason}


def chaos_info(**changed):
    """Of a web that was killed, and came back as it should."""
    return {
        "id": 7,
        "namespec": "web",
        "what": "kill",
        "seconds": 0.0,
        "began": 1795960800.0,
        "over": True,
        "expected": [
            step(0.0, "web", "RUNNING", "EXITED"),
            step(0.0, "web", "EXITED", "STARTING"),
            step(1.0, "web", "STARTING", "RUNNING"),
        ],
        "expected_whole": True,
        "ends_master": False,
        "seen": [
            step(0.012, "web", "RUNNING", "EXITED"),
            step(0.012, "web", "EXITED", "STARTING"),
            step(1.02, "web", "STARTING", "RUNNING"),
        ],
        "judgements": [{"namespec": "web", "as_expected": True, "words": "RUNNING -> EXITED -> STARTING -> RUNNING"}],
        "as_expected": True,
        "error": "",
        **changed,
    }
