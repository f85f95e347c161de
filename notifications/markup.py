"""Plain words to wrapped text and to HTML: paragraphs, lists that start with "- ", and web addresses.

The words of a notice are written once, in this small markup, and serve both parts of a message. HTML is made
here from escaped text only, so nothing a person typed can become markup.
"""

import re
import textwrap
import unicodedata
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 72
_URL = re.compile(r"https?://[^\s<>\"]+")
# Right-to-left overrides could show an address or amount other than the one that is there.
_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_GLUE = "\u00a0"  # textwrap breaks at ASCII blanks only, so this holds words together


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[str, ...]


def cleaned(text: str) -> str:
    """Without control characters (line ends excepted) and direction overrides, and without outer blanks."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    kept = (
        c for c in lines if c == "\n" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in _OVERRIDES)
    )
    return "".join(kept).strip()


def one_line(text: str) -> str:
    """A subject: control characters gone, every run of blanks and line ends a single blank."""
    return " ".join(cleaned(text).split())


def read(text: str) -> list[Paragraph | Bullets]:
    """The blocks of `text`. A blank line ends a block; an indented line goes on with the list item above."""
    blocks: list[Paragraph | Bullets] = []
    for chunk in re.split(r"\n\s*\n", cleaned(text)):
        blocks.extend(_chunk(chunk.split("\n")))
    return blocks


def _chunk(lines: list[str]) -> list[Paragraph | Bullets]:
    blocks: list[Paragraph | Bullets] = []
    for line in lines:
        last = blocks[-1] if blocks else None
        words = re.sub(" +", " ", line).strip(" ")
        if words.startswith("- "):
            items = last.items if isinstance(last, Bullets) else ()
            _put(blocks, last if items else None, Bullets((*items, words[2:].strip())))
        elif isinstance(last, Bullets) and line.startswith(" "):
            _put(blocks, last, Bullets((*last.items[:-1], f"{last.items[-1]} {words}")))
        elif isinstance(last, Paragraph):
            _put(blocks, last, Paragraph(f"{last.text} {words}"))
        elif words:
            blocks.append(Paragraph(words))
    return blocks


def _put(
    blocks: list[Paragraph | Bullets], replaced: Paragraph | Bullets | None, block: Paragraph | Bullets
) -> None:
    if replaced is not None:
        blocks.pop()
    blocks.append(block)


def wrapped(text: str, indent: int = 0) -> str:
    """For the text part: lines of at most 72 columns, save where a web address is longer."""
    return "\n\n".join(_wrapped_block(block, " " * indent) for block in read(text)).replace(_GLUE, " ")


def _wrapped_block(block: Paragraph | Bullets, margin: str) -> str:
    if isinstance(block, Paragraph):
        return _fill(block.text, margin, margin)
    return "\n".join(_fill(item, f"{margin}- ", f"{margin}  ") for item in block.items)


def _fill(text: str, first: str, rest: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def glued(text: str) -> str:
    """`text` as one word to `wrapped`, so that a line never ends inside it."""
    return text.replace(" ", _GLUE)


def paragraphs(text: str) -> Markup:
    """For the HTML part: <p> and <ul>, everything escaped, web addresses linked."""
    return Markup("\n").join(_html_block(block) for block in read(text))


def _html_block(block: Paragraph | Bullets) -> Markup:
    if isinstance(block, Paragraph):
        return Markup("<p>{}</p>").format(linked(block.text))
    items = Markup("").join(Markup("<li>{}</li>").format(linked(item)) for item in block.items)
    return Markup("<ul>{}</ul>").format(items)


def linked(text: str) -> Markup:
    """Escaped `text` with its http and https addresses as links."""
    parts: list[Markup] = []
    at = 0
    for found in _URL.finditer(text):
        url = _without_trailing_punctuation(found.group())
        parts += [escape(text[at : found.start()]), Markup('<a href="{0}">{0}</a>').format(url)]
        at = found.start() + len(url)
    return Markup("").join([*parts, escape(text[at:])])


def _without_trailing_punctuation(url: str) -> str:
    """ "(see https://example.org/a)." links https://example.org/a, and a balanced bracket stays."""
    while url[-1] in ".,;:!?'" or (url[-1] == ")" and url.count(")") > url.count("(")):
        url = url[:-1]
    return url
