"""How many processes programs were scaled to: a small file, for the next master if this one is killed."""

import json
import os

from procman.system.proc import boot_id

Scales = dict[str, list[int]]  # by section: how many there are to be, and how many the file had then


def read_scales(path: str) -> Scales:
    """What `write_scales` has written during this boot; nothing where it is missing or makes no sense."""
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        if data["boot"] != boot_id():
            return {}
        return {str(section): [int(number), int(before)] for section, (number, before) in data["scales"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_scales(path: str, scales: Scales) -> str:
    """Replace it as a whole, or remove it where nothing is scaled; why it could not be written, "" if it could."""
    try:
        if not scales:
            os.unlink(path)
            return ""
        with open(f"{path}.new", "w", encoding="utf-8") as file:
            json.dump({"boot": boot_id(), "scales": scales}, file)
        os.replace(f"{path}.new", path)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"cannot write {path}: {error.strerror}"
    return ""
