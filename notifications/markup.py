"""Turns plain words into wrapped text and HTML: paragraphs, lists that start with "- ", and web addresses.

The words of a notice are written once, in this small markup, and serve both parts of a message. This module makes
HTML from escaped text only, so that no text a person typed can become markup.
"""

import re
import textwrap
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 72
_URL = re.compile(r"https?://[^\s<>\"]+")
# Control characters except line ends (category Cc of Unicode), halves of surrogate pairs (Cs), and right-to-left
# overrides, which could make a reader see another address or amount than the text has.
_UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_GLUE = "\u00a0"  # textwrap breaks at ASCII blanks only, so this blank keeps words together


def escape_controls(text: str, form: str = "\\x{:02x}") -> str:
    """Return text for a terminal or a log: line ends and tabs stay, and each other unsafe character is an escape.

    A terminal acts on control characters (ECMA-48), so a name could clear the screen or hide a line of a log.
    `form` writes the number of the character.
    """
    return _UNSAFE.sub(lambda found: found[0] if found[0] == "\t" else form.format(ord(found[0])), text)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A block of running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    items: tuple[str, ...]


def clean(text: str) -> str:
    """Return text without control characters (other than line ends), direction overrides and outer blanks."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return _UNSAFE.sub("", lines).strip()


def join_lines(text: str) -> str:
    """Return text on one line, as for a subject: no control characters, and single blanks."""
    return " ".join(clean(text).split())


def read(text: str) -> list[Paragraph | Bullets]:
    """Return the blocks of `text`. A blank line ends a block; an indented line continues the list item above."""
    blocks: list[Paragraph | Bullets] = []
    for chunk in re.split(r"\n\s*\n", clean(text)):
        blocks.extend(_read_chunk(chunk.split("\n")))
    return blocks


def _read_chunk(lines: list[str]) -> list[Paragraph | Bullets]:
    """Return the blocks of lines between two blank ones: a list may follow a paragraph directly."""
    blocks: list[Paragraph | Bullets] = []
    for line in lines:
        last = blocks[-1] if blocks else None
        # Blanks only: `split` would also take the blank that `glue` uses to keep words together.
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
    """Add a block, in the place of the last one if that is given as `replaced`."""
    if replaced is not None:
        blocks.pop()
    blocks.append(block)


def wrap(text: str, indent: int = 0) -> str:
    """Return words for the text part, in lines of at most 72 columns. A longer web address stays whole."""
    return "\n\n".join(_wrap_block(block, " " * indent) for block in read(text)).replace(_GLUE, " ")


def _wrap_block(block: Paragraph | Bullets, margin: str) -> str:
    if isinstance(block, Paragraph):
        return _fill(block.text, margin, margin)
    return "\n".join(_fill(item, f"{margin}- ", f"{margin}  ") for item in block.items)


def _fill(text: str, first: str, rest: str) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        # A web address that is broken over two lines cannot be clicked.
        break_long_words=False,
        break_on_hyphens=False,
    )


def glue(text: str) -> str:
    """Return `text` as one word to `wrap`, so that no line ends inside it."""
    return text.replace(" ", _GLUE)


def make_html(text: str) -> Markup:
    """Return words for the HTML part: <p> and <ul>, with all text escaped and web addresses linked."""
    return Markup("\n").join(_make_html_block(block) for block in read(text))


def _make_html_block(block: Paragraph | Bullets) -> Markup:
    if isinstance(block, Paragraph):
        return Markup("<p>{}</p>").format(link_addresses(block.text))
    items = Markup("").join(Markup("<li>{}</li>").format(link_addresses(item)) for item in block.items)
    return Markup("<ul>{}</ul>").format(items)


def link_addresses(text: str) -> Markup:
    """Return escaped `text`, with its http and https addresses as links."""
    parts: list[Markup] = []
    at = 0
    for match in _URL.finditer(text):
        url = _strip_punctuation(match.group())
        # Escape each piece by itself.
        # In escaped text an address would hold "&amp;" already and be escaped twice.
        parts += [escape(text[at : match.start()]), Markup('<a href="{0}">{0}</a>').format(url)]
        at = match.start() + len(url)
    return Markup("").join([*parts, escape(text[at:])])


def _strip_punctuation(url: str) -> str:
    """Return an address without the punctuation of the sentence around it; a balanced bracket stays."""
    # People put an address at the end of a sentence or into brackets, and "https://x.org/a_(b)" has its own.
    while url[-1] in ".,;:!?'" or (url[-1] == ")" and url.count(")") > url.count("(")):
        url = url[:-1]
    return url
