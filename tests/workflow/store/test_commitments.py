"""The hashes of docs/record.md come out, and a value can be left out without changing the hash of its row."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from workflow.store.commitments import FORGOTTEN, WITHHELD, Salts, commit, commitments, left_out
from workflow.store.merkle import Head, Tree, leaf_of
from workflow.store.saving import committed_parts, hash_row

PAGE = (Path(__file__).parents[3] / "docs" / "record.md").read_text(encoding="utf-8")
SALT = "00112233445566778899aabbccddeeff" * 2
VECTORS = re.findall(r"^\| `(/[^`]+)` \| `([^`]+)` \| `([0-9a-f]{32})` \| `([0-9a-f]{64})` \|$", PAGE, re.M)


@pytest.mark.parametrize(("pointer", "value", "salt", "commitment"), VECTORS)
def test_the_commitments_of_the_page_come_out(pointer: str, value: str, salt: str, commitment: str) -> None:
    assert Salts(SALT).of(pointer) == salt
    assert commit(salt, pointer, json.loads(value)) == commitment


def row_of_the_page() -> dict[str, Any]:
    row: dict[str, Any] = json.loads(
        PAGE[PAGE.index('{"seq": 1') : PAGE.index("```", PAGE.index('{"seq": 1'))]
    )
    texts = {name: json.dumps(row[name]) for name in ("input", "setting")}
    return row | texts | {"at": datetime.fromisoformat(row["at"]), "salt": SALT}


def test_the_hash_of_the_page_comes_out() -> None:
    assert len(VECTORS) == 4
    assert hash_row("rbhs-2025", row_of_the_page()) in PAGE


def test_the_root_of_the_page_comes_out() -> None:
    heads = [Head("a-2025", 1, "1" * 64), Head("b-2025", 2, "2" * 64), Head("/changes", 3, "3" * 64)]
    assert Tree(heads).root in PAGE


@pytest.mark.parametrize("mark", [WITHHELD, FORGOTTEN])
def test_a_part_that_is_left_out_leaves_its_commitments_and_the_hash(mark: str) -> None:
    salts, parts = Salts(SALT), committed_parts(row_of_the_page())
    before = commitments(parts, salts)
    digests = salts.commit_all(parts["input"], "/input")
    assert len(digests) == 2
    assert commitments(parts | {"input": {mark: digests}}, salts) == before
    title = commit(salts.of("/input/title"), "/input/title", parts["input"]["title"])
    assert commitments(parts | {"input": parts["input"] | {"title": {mark: [title]}}}, salts) == before


def test_the_salts_that_are_left_check_what_is_left() -> None:
    salts, parts = Salts(SALT), committed_parts(row_of_the_page())
    kept = ("/actor", "/note", "/ran_by", "/setting", "/facts", "/rows")
    left = Salts(json.dumps({pointer: salts.of(pointer) for pointer in kept}))
    forgotten = parts | {"input": {FORGOTTEN: salts.commit_all(parts["input"], "/input")}}
    assert commitments(forgotten, left) == commitments(parts, salts)
    with pytest.raises(LookupError):
        commitments(parts, left)


def test_the_same_value_has_another_commitment_in_another_place_and_another_row() -> None:
    salts, other = Salts(SALT), Salts("0" * 64)
    digests = {commit(of.of(place), place, 5) for of in (salts, other) for place in ("/input/a", "/input/b")}
    assert len(digests) == 4


def test_keys_with_slashes_and_tildes_do_not_meet() -> None:
    salts = Salts(SALT)
    one = salts.commit_all({"a/b": 1, "a~1b": 2}, "/input")
    other = salts.commit_all({"a": {"b": 1}, "a~1b": 2}, "/input")
    assert len({*one, *other}) == 3  # the second key is the same in both


def test_a_list_of_texts_is_no_mark() -> None:
    assert left_out({"needs": ["a"]}) is None
    assert left_out({WITHHELD: "a"}) is None
    assert left_out({WITHHELD: ["a"], "more": 1}) is None


@pytest.mark.parametrize("size", [*range(1, 20), 64, 65, 1000])
def test_every_head_of_a_tree_is_proved(size: int) -> None:
    """The verifier climbs by the algorithm of RFC 9162, section 2.1.3.2, and knows nothing of this program."""
    verifier: dict[str, Any] = {"__name__": "verifier"}
    code = (Path(__file__).parents[3] / "docs" / "verify_export.py").read_text(encoding="utf-8")
    exec(compile(code, "verify_export.py", "exec"), verifier)
    heads = [Head(f"ref-{number:04}", number, f"{number:064x}") for number in range(size)]
    tree = Tree(heads)
    assert verifier["root_of"]([list(head) for head in heads]).hex() == tree.root
    for place in {0, size // 2, size - 1}:
        assert tree.find(heads[place].name) == place
        path = tree.prove(place)
        assert verifier["climb"](list(heads[place]), place, size, path) == tree.root
        assert verifier["climb"](["other", 0, "0" * 64], place, size, path) != tree.root


def test_a_leaf_is_no_node() -> None:
    """The first octet keeps the two apart, so that nobody can pass off one as the other."""
    heads = [Head("a", 1, "1"), Head("b", 2, "2")]
    assert Tree(heads).root != leaf_of(Head("a", 1, "1")).hex()
    assert Tree([]).root == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
