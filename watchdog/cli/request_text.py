"""Requests for approval in a status: before all else, because somebody waits."""

from collections.abc import Iterator, Mapping
from typing import Any

from watchdog.domain.words import duration

Part = Mapping[str, Any]


def requests_of(target: Part) -> Iterator[str]:
    """What waits for people on one target, and what to type."""
    for one in target["requests"]:
        left = duration(round(one["left_seconds"]))
        head = f"{target['target']}: APPROVE plan {one['plan']}?"
        if one["standing"] == "granted":
            yield f"{head} approved, and not started yet; {left} left"
        else:
            yield f"{head} needs {', '.join(one['needs'])}; {left} left, until {one['expires']}"
        yield f"  because {_why(one)}"
        for vote in one["votes"]:
            yield f"  {vote['by']} agrees: {vote['reason']}"
        for item in one["checklist"]:
            yield f"  {_item(item)}"
        yield from (f"  > {command}" for command in one["commands"])
        yield ""


def _why(one: Part) -> str:
    causes = f" (cause: {', '.join(one['causes'])})" if one["causes"] else ""
    who = f"{one['by']} wants it: " if one["by"] else ""
    return f"{who}{one['reason']}{causes}, since {one['since']}"


def _item(item: Part) -> str:
    if item["waived"]:
        return f"[waived by {item['by']}] {item['item']}: {item['detail']}"
    mark = {True: "x", False: "!", None: " "}[item["ok"]]
    who = f" by {item['by']}" if item["by"] else f" (answered by {item['role']})"
    detail = f": {item['detail']}" if item["detail"] else ""
    return f"[{mark}] {item['item']}{who if item['role'] else ''}{detail}"
