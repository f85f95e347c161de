"""Nobody can make us work long by lines that links, signatures and quotations are looked for in."""

from __future__ import annotations

import time

import pytest

from notifications.incoming.codes import mask_codes
from notifications.incoming.original import Original
from notifications.incoming.secrets import drop_links, mask
from notifications.incoming.signature import drop_signature

LONG = 200_000  # characters
TOKEN = "eyJuIjo1MH0AAAAAAAAAAAA.abcdef.ABCDEFGHIJKLMNOPQRSTUVWXYZ0"
PIECES = {
    "one word": "a",
    "beginnings of links": "http:/",
    "links without a blank": "https://",
    "links": "http://a ",
    "tokens": TOKEN + " ",
    "tokens without a signature": "a" * 16 + "." + "b" * 5 + ".",
    "reply addresses without a code": "a" * 64 + "+" + "1" * 15 + "-",
    "pluses": "a+1-",
    "masks": "+1-" + "~" * 16,
    "broken links": "https://h.example/[link\n",
    "closings": "Thanks\n",
    "closings on one line": "thanks ",
    "names": "Maria Lopez\n",
    "titles": "dr. ",
    "separators": " - ",
    "programs": "Sent from a\n",
    "beginnings of programs": "von mein ",
    "marks": "!",
    "lines": "\n",
    "one letter a line": "a\n",
    "accents": "a\u0301",
    "words of ours": "a substantial positive impact on it\n",
}
LINKS = {
    "encoded": "%25",
    "percent signs": "%",
    "base 64": "QUJD",
    "base 64 in pieces": "A" * 16 + "~",
    "times of tokens": ".abcdef",
    "defended tokens": "urldefense.abcdef." + "-2D" * 26 + "!",
    "our host": "h.example.",
    "scanners": "safelinks.",
    "tokens": TOKEN + "/",
}  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(piece * (LONG // len(piece)), id=name) for name, piece in PIECES.items()),
        *(
            pytest.param("https://x/" + piece * (LONG // len(piece)), id=f"one link: {name}")
            for name, piece in LINKS.items()
        ),
    ],
)
def test_no_lines_take_long(text):
    original = Original(["Did it have a substantial positive impact on it, and if not, why not?"])
    lines = [*text.splitlines(), "and " * 30]
    began = time.process_time()
    mask(lines, "https://h.example")
    drop_signature(lines, "Maria Lopez")
    original.find_quoted(lines)
    mask_codes(text.encode())
    drop_links(text)
    assert time.process_time() - began < 4
