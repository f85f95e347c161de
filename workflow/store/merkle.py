"""Computes Merkle trees over the heads of chains, and proofs that a head is in one (RFC 6962, section 2.1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import NamedTuple


class Head(NamedTuple):
    """The end of a chain at some moment: its name, and the number and the hash of its last row."""

    name: str
    number: int
    hash: str


def leaf_of(head: Head) -> bytes:
    """Return the hash of a leaf of the tree."""
    return hashlib.sha256(b"\x00" + json.dumps(list(head), ensure_ascii=False).encode()).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A Merkle tree. Its levels are kept, from the leaves up to the root, so that a proof takes no time."""

    def __init__(self, heads: Sequence[Head]) -> None:
        self.heads = tuple(heads)
        self._places = {head.name: place for place, head in enumerate(self.heads)}
        self._levels = [[leaf_of(head) for head in self.heads]]
        while len(level := self._levels[-1]) > 1:
            pairs = [_node(*level[place : place + 2]) for place in range(0, len(level) - 1, 2)]
            # An odd one at the end goes up as it is. That gives the tree of the RFC, which splits from the top.
            self._levels.append(pairs + level[len(level) - len(level) % 2 :])

    @property
    def root(self) -> str:
        """Return the root in hexadecimal digits; of an empty tree the hash of nothing."""
        top = self._levels[-1]
        return (top[0] if top else hashlib.sha256().digest()).hex()

    def find(self, name: str) -> int | None:
        """Return the place of the chain of this name among the leaves; None if it was not there."""
        return self._places.get(name)

    def prove(self, place: int) -> list[str]:
        """Return the hashes that lead from a leaf to the root, the lowest first (RFC 6962, section 2.1.1)."""
        path = []
        for level in self._levels[:-1]:
            other = place ^ 1
            if other < len(level):
                path.append(level[other].hex())
            place //= 2
        return path
