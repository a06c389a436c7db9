"""How a rolling restart has ended, in words."""

from procman.core.actions import AnnounceRolling


def why_stopped(news: AnnounceRolling) -> str:
    """How it has ended in words; "" if all is done."""
    match news.what:
        case "stopped":
            what = "putting back" if news.aborting else "rolling restart"
            return f"{news.program}: {what} stopped: {bare(news.name)} is not ready ({news.reason}); {_share(news)}"
        case "ended" if news.reason and news.total:
            return f"{news.program}: rolling restart ended: {news.reason}; {_share(news)}"
        case _:
            return ""


def _share(news: AnnounceRolling) -> str:
    if not news.new_definition:
        return f"{news.ready} of {news.total} have been restarted"
    has = "have" if news.ready != 1 else "has"
    return f"{news.ready} of {news.total} {has} the {'earlier' if news.aborting else 'new'} definition"


def operation_of(number: int) -> str:
    """Which operation it is, after a blank; one that goes on after a kill has no number here."""
    return f" (operation {number})" if number else ""


def bare(namespec: str) -> str:
    """The name of a process without its group."""
    return namespec.rpartition(":")[2]
