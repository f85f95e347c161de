#!/usr/bin/env python3
"""Checks an export of the record: python3 verify_export.py EXPORT.json [FILE ...]

Needs nothing but Python; docs/record.md says what is checked. Each FILE is something older, in other hands: an
export, a checkpoint, or a message to the office. It shows whether what was recorded then is still there. It says
what it could not look at. Exit status: 0 all is well, 1 something is not, 2 it cannot be read.
"""

import email.policy
import hashlib
import json
import pathlib
import sys

HASHED = ("seq", "event", "actor", "role", "channel", "from_state", "to_state",
          "input", "setting", "note", "ran_by", "previous")  # fmt: skip
OPEN = ("seq", "event", "role", "channel", "from_state", "to_state", "beside", "previous")
COMMITTED = ("actor", "note", "ran_by", "input", "setting", "facts", "rows")
APPLIES, GOES = "receive-application", "withdraw-application"
# What opens an application, and what seals it for good, by whether that is sealed itself.
ENDS = {False: ("close-applications", "choose-partner"), True: (GOES,)}


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def left_out(value):
    """The commitments in the place of a value that is withheld or was forgotten; None for any other value."""
    mark = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None
    return value[mark] if mark in ("withheld", "forgotten") and isinstance(value[mark], list) else None


def commitments(value, pointer, salts):
    """The commitment to each leaf of a value, and those that stand for what is left out of it."""
    if (digests := left_out(value)) is not None:
        return digests
    if isinstance(value, dict) and value:
        names = ((key.replace("~", "~0").replace("/", "~1"), each) for key, each in value.items())
    elif isinstance(value, list) and value:
        names = enumerate(value)
    else:
        return [sha(json.dumps([salts.get(pointer), pointer, value], ensure_ascii=False))]
    return [digest for name, each in names for digest in commitments(each, f"{pointer}/{name}", salts)]


def digest(ref, row):
    """The hash that a row must have, of format 2 or 1."""
    if row.get("format") == 2:
        digests = [d for name in COMMITTED for d in commitments(row[name], f"/{name}", row["salts"])]
        values = [2, ref, row["at"], *(row[name] for name in OPEN), *sorted(digests)]
    else:
        values = [ref, row["at"], *(row[name] for name in HASHED)]
    return sha(json.dumps(values, ensure_ascii=False))


def of_itself(partnership):
    """What does not fit within one partnership: each row with the one before it, the last one with the whole."""
    ref, history, previous, state, last = partnership["ref"], partnership["history"], "0" * 64, None, 1
    for number, row in enumerate(history, 1):
        # In format 1 a sealed row cannot be checked, so only applications may be.
        first = row.get("format") != 2
        sealed, gone = first and row.get("sealed"), first and row.get("forgotten")
        ends = [r["event"] for r in history[number - 1 :] if r["event"] in ENDS[bool(r.get("sealed"))]]
        may_be = row["event"] in (APPLIES, GOES) and row["input"] is None and ends[:1] in ([], [GOES])
        wrong = {
            f"it should be row {number}: rows are missing or out of order": row["seq"] != number,
            "it does not follow the row before it": row["previous"] != previous,
            "it is of format 1 after a row of format 2": first and last == 2,
            "it cannot be sealed, only applications to an open call are": sealed and not may_be,
            "its content does not fit its hash": not (sealed or gone) and digest(ref, row) != row["hash"],
            f"it starts in {row['from_state']}, the row before ends in {state}": row["from_state"] != state,
        }
        yield from (f"{ref}, row {row['seq']}: {words}" for words, is_so in wrong.items() if is_so)
        previous, state, last = row["hash"], row["to_state"], 1 if first else 2
    if (partnership["head"], partnership["state"]) != (previous, state):
        yield f"{ref}: its hash or state is not that of its last row"
    if not partnership["version"] == len(history) > 0:
        yield f"{ref}: it is at version {partnership['version']} with {len(history)} rows"


def since_then(older, now):
    """What an older export has that is gone or no longer the same. The hash vouches for what is left out."""
    for ref, before in older.items():
        if ref not in now:
            yield f"{ref}: it is not in the export any more"
        rows = {row["seq"]: row for row in now.get(ref, {"history": []})["history"]}
        for row in before["history"] if ref in now else ():
            same = rows.get(row["seq"], {})
            less = {"sealed", "forgotten"} & (row | same).keys()
            sealed = {n for n in HASHED if less and None in (row[n], same.get(n))}
            names = () if row.get("format") == 2 else HASHED
            keys = [n for n in ("at", "hash", *names) if n not in sealed and row[n] != same.get(n)]
            if keys:
                what = f"it was changed since: {', '.join(keys)}" if same else "it is gone"
                yield f"{ref}, row {row['seq']}: {what}"


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf(head):
    return hashlib.sha256(b"\x00" + json.dumps(head, ensure_ascii=False).encode()).digest()


def root_of(heads):
    """The Merkle tree hash of RFC 6962, section 2.1."""
    if len(heads) < 2:
        return leaf(heads[0]) if heads else hashlib.sha256().digest()
    half = 1 << (len(heads) - 1).bit_length() - 1
    return node(root_of(heads[:half]), root_of(heads[half:]))


def climb(head, index, size, path):
    """The root to which a proof leads from a head (RFC 6962, section 2.1.1)."""
    value, last = leaf(head), size - 1
    for other in map(bytes.fromhex, path):
        if index % 2 or index == last:
            value = node(other, value)
            while index and not index % 2:
                index, last = index // 2, last // 2
        else:
            value = node(value, other)
        index, last = index // 2, last // 2
    return value.hex()


def heads_of(path, document):
    """The heads in a checkpoint, or in the proof of one of them; raises ValueError if the root is another one."""
    proof = document.get("path")
    heads = [document["head"]] if proof is not None else document["heads"]
    if proof is not None:
        root = climb(document["head"], document["index"], document["size"], proof)
    else:
        root = root_of(heads).hex()
    if root != document["root"]:
        raise ValueError(f"{path}: its heads do not lead to its root")
    return heads


def as_told(path, heads, now, all_there):
    """What a message or a checkpoint says of the record that does not hold any more."""
    told = [head for head in heads if head[0] in now or (all_there and head[0] != "/changes")]
    if not told:
        yield f"{path}: it tells of no row of the record, so nothing was compared"
    for ref, seq, said in told:
        rows = {str(row["seq"]): row["hash"] for row in now.get(ref, {"history": []})["history"]}
        if rows.get(str(seq)) != said:
            yield f"{ref}, row {seq}: {path} tells of {'another' if str(seq) in rows else 'it, and it is gone'}"


def read(path):
    """The kind of a file and its content: partnerships by reference, or heads."""
    content = pathlib.Path(path).read_bytes()
    if not content.lstrip().startswith(b"{"):
        message = email.message_from_bytes(content, policy=email.policy.default)
        told = [line.split() for line in message.get_all("X-Partnership-Record", [])]
        for ref, seq, said, index, size, root, *steps in map(
            str.split, message.get_all("X-Partnership-Proof", [])
        ):
            proof = {"head": [ref, int(seq), said], "index": int(index), "size": int(size), "root": root}
            told += heads_of(path, proof | {"path": steps})
        return "heads", told
    document = json.loads(content)
    if "root" in document:
        return "heads", heads_of(path, document)
    by_ref = {each["ref"]: each for each in document["partnerships"]}
    if len(by_ref) < len(document["partnerships"]):
        raise ValueError(f"{path}: a reference stands there twice")
    return "export", by_ref


def main(path, *others):
    kind, now = read(path)
    if kind != "export":
        raise ValueError(f"{path}: it is not an export")
    faults = [fault for partnership in now.values() for fault in of_itself(partnership)]
    for name, (kind, other) in zip(others, map(read, others), strict=True):
        whole = not name.endswith("proof.json") and len(now) > 1
        faults += since_then(other, now) if kind == "export" else as_told(name, other, now, whole)
    rows = [row for one in now.values() for row in one["history"]]
    sealed = sum(bool(row.get("sealed")) for row in rows if row.get("format") != 2)
    hidden = sum('{"withheld": ' in json.dumps(row, sort_keys=True) for row in rows if row.get("format") == 2)
    forgotten = sum('{"forgotten": ' in json.dumps(row) or row.get("forgotten") is True for row in rows)
    links = f"of {sealed} sealed rows only the links were checked"
    print(*faults, f"{len(now)} partnerships, {len(faults)} faults; {links}", sep="\n")
    print(
        f"Left out, so that only commitments could be checked: values of {hidden} rows, forgotten in {forgotten}."
    )
    print("Not looked at: facts, school and title, documents, and whether the law allowed each event.")
    return bool(faults)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(print(f"it cannot be read: {error!r}", file=sys.stderr) or 2)
