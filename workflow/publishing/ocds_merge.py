"""Merges the releases of one process into a compiled and a versioned release (OCDS 1.1, merging).

Objects in a list are the same object if they have the same id. A list of plain values counts as one value. Null
takes a value away. The identifier, date and tag of a release are its own and are not merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Node = dict[str, Any]
# A step into a list is the id of the object, in a tuple, since a key of an object could be the same text.
Path = tuple[str | tuple[str], ...]
_OWN = frozenset({"ocid", "id", "date", "tag"})


def compile_releases(releases: Sequence[Node]) -> Node:
    """Return the compiled release: every value as the last release that has it says."""
    values: dict[Path, Any] = {}
    for release in releases:
        values.update(_flatten(release))
    last = releases[-1]
    head = {
        "ocid": last["ocid"],
        "id": f"{last['ocid']}-{last['date']}",
        "date": last["date"],
        "tag": ["compiled"],
    }
    return head | _unflatten({path: value for path, value in values.items() if value is not None})


def version_releases(releases: Sequence[Node]) -> Node:
    """Return the versioned release: every value with the releases that set it, the earliest first."""
    versions: dict[Path, list[Node]] = {}
    for release in releases:
        for path, value in _flatten(release):
            known = versions.setdefault(path, [])
            if known and known[-1]["value"] == value:
                continue
            known.append(
                {
                    "releaseID": release["id"],
                    "releaseDate": release["date"],
                    "releaseTag": release["tag"],
                    "value": value,
                }
            )
    # The id of an object in a list names the object and has no versions.
    named = {path: known[-1]["value"] if _is_name(path) else known for path, known in versions.items()}
    return {"ocid": releases[-1]["ocid"]} | _unflatten(named)


def _is_name(path: Path) -> bool:
    return path[-1] == "id" and len(path) > 1 and isinstance(path[-2], tuple)


def _flatten(node: Node, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the value of every plain value in a release."""
    for key, value in node.items():
        if not path and key in _OWN:
            continue
        if isinstance(value, dict):
            yield from _flatten(value, (*path, key))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                yield from _flatten(item, (*path, key, (item["id"],)))
        else:
            yield (*path, key), value


def _unflatten(values: dict[Path, Any]) -> Node:
    """Return the document that has these values at these paths."""
    document: Node = {}
    lists: dict[Path, list[Node]] = {}
    nodes: dict[Path, dict[Any, Any]] = {(): document}
    for path, value in values.items():
        for end in range(1, len(path)):
            if path[:end] in nodes:
                continue
            if isinstance(path[end - 1], tuple):
                lists[path[: end - 1]].append(nodes.setdefault(path[:end], {}))
            elif isinstance(path[end], tuple):
                if path[:end] not in lists:
                    lists[path[:end]] = nodes[path[: end - 1]][path[end - 1]] = []
            else:
                nodes[path[:end]] = nodes[path[: end - 1]][path[end - 1]] = {}
        nodes[path[:-1]][path[-1]] = value
    return document
