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
APPLIES, GOES = "receive-application", "withdraw-application"
# What opens an application, and what seals it for good, by whether that is sealed itself.
ENDS = {False: ("close-applications", "choose-partner"), True: (GOES,)}


def digest(ref, row):
    """The hash that a row must have."""
    values = [ref, row["at"], *(row[name] for name in HASHED)]
    return hashlib.sha256(json.dumps(values, ensure_ascii=False).encode()).hexdigest()


def of_itself(partnership):
    """What does not fit within one partnership: each row with the one before it, the last one with the whole."""
    ref, history, previous, state = partnership["ref"], partnership["history"], "0" * 64, None
    for number, row in enumerate(history, 1):
        ends = [r["event"] for r in history[number - 1 :] if r["event"] in ENDS[bool(r.get("sealed"))]]
        left_out = row["event"] in (APPLIES, GOES) and row["input"] is None and ends[:1] in ([], [GOES])
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
    """What an older export has that is gone or no longer the same; what is left out is vouched for by its hash."""
    for ref, before in older.items():
        if ref not in now:
            yield f"{ref}: it is not in the export any more"
        rows = {row["seq"]: row for row in now.get(ref, {"history": []})["history"]}
        for row in before["history"] if ref in now else ():
            same = rows.get(row["seq"], {})
            sealed = {n for n in HASHED if "sealed" in row | same and None in (row[n], same.get(n))}
            keys = [n for n in ("at", "hash", *HASHED) if n not in sealed and row[n] != same.get(n)]
            if keys:
                what = f"it was changed since: {', '.join(keys)}" if same else "it is gone"
                yield f"{ref}, row {row['seq']}: {what}"


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
