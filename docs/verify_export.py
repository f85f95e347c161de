#!/usr/bin/env python3
"""Checks an export of the record: python3 verify_export.py EXPORT.json [OLDER.json or MESSAGE.eml ...]

Needs nothing but Python. docs/record.md says what is checked and why. An older export, or a message that the office
got, shows whether what was recorded then is still there, unchanged. Exit status: 0 all is well, 1 something is not,
which is named; 2 a file cannot be read.
"""

import email.policy
import hashlib
import json
import pathlib
import sys

HASHED = ("seq", "event", "actor", "role", "channel", "from_state", "to_state",
          "input", "setting", "note", "ran_by", "previous")  # fmt: skip
CLOSED = ("input",)  # what is left out of a row while it is sealed


def digest(ref, row):
    """The hash that a row must have."""
    values = [ref, row["at"], *(row[name] for name in HASHED)]
    return hashlib.sha256(json.dumps(values, ensure_ascii=False).encode()).hexdigest()


def of_itself(partnership):
    """What does not fit within one partnership: each row with the one before it, the last one with the whole."""
    ref, previous, state = partnership["ref"], "0" * 64, None
    for number, row in enumerate(partnership["history"], 1):
        where = f"{ref}, row {row['seq']}"
        if row["seq"] != number:
            yield f"{where}: it should be row {number}: rows are missing or out of order"
        if row["previous"] != previous:
            yield f"{where}: it does not follow the row before it"
        if not row.get("sealed") and digest(ref, row) != row["hash"]:
            yield f"{where}: its content does not fit its hash"
        if row["from_state"] != state:
            yield f"{where}: it starts in {row['from_state']}, the row before it ends in {state}"
        previous, state = row["hash"], row["to_state"]
    if not partnership["history"]:
        yield f"{ref}: it has no history"
    if (partnership["head"], partnership["state"]) != (previous, state):
        yield f"{ref}: its hash or state is not that of its last row"
    if partnership["version"] != len(partnership["history"]):
        yield f"{ref}: it is at version {partnership['version']} with {len(partnership['history'])} rows"


def since_then(older, now):
    """What an older export has that is no longer there, or no longer the same."""
    for ref, before in older.items():
        if ref not in now:
            yield f"{ref}: it is not in the export any more"
            continue
        rows = {row["seq"]: row for row in now[ref]["history"]}
        for row in before["history"]:
            same = rows.get(row["seq"])
            closed = CLOSED if same and (row.get("sealed") or same.get("sealed")) else ()
            names = [name for name in ("at", "hash", *HASHED) if name not in closed]
            if same is None:
                yield f"{ref}, row {row['seq']}: it is gone"
            elif changed := [name for name in names if row[name] != same[name]]:
                yield f"{ref}, row {row['seq']}: it was changed since: {', '.join(changed)}"


def as_told(message, now):
    """What a message says of a record and does not hold any more."""
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
    return {partnership["ref"]: partnership for partnership in json.loads(content)["partnerships"]}


def main(path, *others):
    now = read(path)
    faults = [fault for partnership in now.values() for fault in of_itself(partnership)]
    for other in map(read, others):
        faults += since_then(other, now) if isinstance(other, dict) else as_told(other, now)
    print(*faults, sep="\n", end="\n" if faults else "")
    sealed = sum(bool(row.get("sealed")) for one in now.values() for row in one["history"])
    print(
        f"{len(now)} partnerships, {len(faults)} faults; of {sealed} sealed rows only the links were checked"
    )
    return bool(faults)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(print(f"it cannot be read: {error!r}", file=sys.stderr) or 2)
