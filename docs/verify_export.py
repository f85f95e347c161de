#!/usr/bin/env python3
"""Checks an export of the record: python3 verify_export.py EXPORT.json [OLDER.json or MESSAGE.eml ...]

Needs nothing but Python; docs/record.md says what is checked. An older export, or a message to the office, shows
whether what was recorded then is still there. Exit status: 0 all is well, 1 something is not, 2 it cannot be read.
"""

import email.policy
import hashlib
import json
import pathlib
import sys

HASHED = ("seq", "event", "actor", "role", "channel", "from_state", "to_state",
          "input", "setting", "note", "ran_by", "previous")  # fmt: skip
CALL = ("open-selection", "close-applications", "choose-partner")  # it is open while the first is the last


def digest(ref, row):
    """The hash that a row must have."""
    values = [ref, row["at"], *(row[name] for name in HASHED)]
    return hashlib.sha256(json.dumps(values, ensure_ascii=False).encode()).hexdigest()


def of_itself(partnership):
    """What does not fit within one partnership: each row with the one before it, the last one with the whole."""
    ref, history, previous, state = partnership["ref"], partnership["history"], "0" * 64, None
    is_open = [row["event"] for row in history if row["event"] in CALL][-1:] == [partnership["state"]]
    for number, row in enumerate(history, 1):
        left_out = is_open and row["event"] == "receive-application" and row["input"] is None
        wrong = {
            f"it should be row {number}: rows are missing or out of order": row["seq"] != number,
            "it does not follow the row before it": row["previous"] != previous,
            "it cannot be sealed, only applications to an open call are": row.get("sealed") and not left_out,
            "its content does not fit its hash": not row.get("sealed") and digest(ref, row) != row["hash"],
            f"it starts in {row['from_state']}, the row before ends in {state}": row["from_state"] != state,
        }
        yield from (f"{ref}, row {row['seq']}: {words}" for words, is_so in wrong.items() if is_so)
        previous, state = row["hash"], row["to_state"]
    if (partnership["head"], partnership["state"]) != (previous, state):
        yield f"{ref}: its hash or state is not that of its last row"
    if not partnership["version"] == len(history) > 0:
        yield f"{ref}: it is at version {partnership['version']} with {len(history)} rows"


def since_then(older, now):
    """What an older export has that is gone or no longer the same; an input left out is vouched for by its hash."""
    for ref, before in older.items():
        if ref not in now:
            yield f"{ref}: it is not in the export any more"
            continue
        rows = {row["seq"]: row for row in now[ref]["history"]}
        for row in before["history"]:
            same = rows.get(row["seq"], {})
            names = [n for n in ("at", "hash", *HASHED) if n != "input" or None not in (row[n], same.get(n))]
            if not same:
                yield f"{ref}, row {row['seq']}: it is gone"
            elif changed := [name for name in names if row[name] != same[name]]:
                yield f"{ref}, row {row['seq']}: it was changed since: {', '.join(changed)}"


def as_told(path, message, now):
    """What a message says of a record and does not hold any more."""
    if "X-Partnership-Record" not in message:
        yield f"{path}: it tells of no row of the record, so nothing was compared"
    for told in message.get_all("X-Partnership-Record", []):
        ref, seq, said = told.split()
        rows = {str(row["seq"]): row["hash"] for row in now.get(ref, {"history": []})["history"]}
        if rows.get(seq) != said:
            yield f"{ref}, row {seq}: the message tells of {'another' if seq in rows else 'it, and it is gone'}"


def read(path):
    """By reference the partnerships of an export; or a message."""
    content = pathlib.Path(path).read_bytes()
    if not content.lstrip().startswith(b"{"):
        return email.message_from_bytes(content, policy=email.policy.default)
    found = json.loads(content)["partnerships"]
    if len(by_ref := {partnership["ref"]: partnership for partnership in found}) < len(found):
        raise ValueError(f"{path}: a reference stands there twice")
    return by_ref


def main(path, *others):
    now = read(path)
    faults = [fault for partnership in now.values() for fault in of_itself(partnership)]
    for name, other in zip(others, map(read, others), strict=True):
        faults += since_then(other, now) if isinstance(other, dict) else as_told(name, other, now)
    sealed = sum(bool(row.get("sealed")) for one in now.values() for row in one["history"])
    checked = f"of {sealed} sealed rows only the links were checked"
    print(*faults, f"{len(now)} partnerships, {len(faults)} faults; {checked}", sep="\n")
    return bool(faults)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(print(f"it cannot be read: {error!r}", file=sys.stderr) or 2)
