"""Reads from the tag of an HTML element whether a reader sees its text, and sees it struck out.

Mail programs write their styles into the tags. A rule in a style sheet is not matched with elements: a sheet that
hides or strikes out anything makes the whole page doubtful.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import unescape

_ATTRIBUTE = re.compile(r"\s([a-zA-Z-]{1,30})\s{0,9}=\s{0,9}(?:\"([^\"]*)\"?|'([^']*)'?|([^\s>]+))")
_BARE = re.compile(r"\s(hidden|open)(?=[\s=/>])", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?")  # CSS Syntax 3, 4.3.7
_RULE = re.compile(r"\{([^{}]*)")
_SIZE = re.compile(r"(?<![\w.-])(\d{0,6}(?:\.\d{1,6})?)(px|pt|em|rem|ex|ch|%)?(?=[\s/,;!]|\Z)")
_FAR = re.compile(r"-\s{0,3}\d{3}")
_NUMBER = re.compile(r"\d{1,5}(?:\.\d{1,6})?%?|\.\d{1,6}")
_HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
# The smallest size that can be read, in the units of CSS.
_SMALLEST = {"": 1.0, "px": 4.0, "pt": 3.0, "em": 0.3, "rem": 0.3, "ex": 0.6, "ch": 0.6, "%": 30.0}
_FAINT = 0.2  # a share of opacity below which text cannot be read
_NEAR = 40  # two colours that differ by no more, of 255, in red, green and blue look the same
_WHITES = frozenset(
    (
        "white", "snow", "ivory", "ghostwhite", "floralwhite", "whitesmoke", "mintcream", "azure", "aliceblue",
        "seashell", "honeydew", "lightyellow", "oldlace", "linen", "lavenderblush", "cornsilk", "lightcyan",
    )
)  # fmt: skip
_UNSET = frozenset(("", "inherit", "initial", "unset", "auto", "none", "currentcolor", "windowtext"))
_STRUCK = frozenset(("s", "strike", "del"))
# Nobody reads the text of these. Details are shown only after a click.
_CLOSED = frozenset(
    ("template", "noscript", "details", "dialog", "textarea", "select", "option", "datalist", "object")
)
_COLOURS = ("color", "-webkit-text-fill-color")
_ROOM = ("height", "max-height", "width", "max-width")
_PLACES = ("text-indent", "left", "right", "top", "bottom", "margin-left", "margin-top", "margin")

Colour = tuple[int, int, int] | str


@dataclass(frozen=True, slots=True)
class Look:
    """How text looks: its colour and that behind it, and whether it is hidden or struck out by its element."""

    colour: Colour = (0, 0, 0)
    behind: Colour = (255, 255, 255)
    hidden: bool = False
    struck: bool = False

    @property
    def is_faint(self) -> bool:
        """Whether text in this colour cannot be told from what is behind it."""
        if isinstance(self.colour, str) or isinstance(self.behind, str):
            return self.colour in ("transparent", self.behind)
        return all(abs(one - other) <= _NEAR for one, other in zip(self.colour, self.behind, strict=True))


def look_of(name: str, tag: str, around: Look) -> Look:
    """Return how the text in an element looks, which begins with this tag, within one of the look `around`."""
    struck = around.struck or name in _STRUCK
    if len(tag) == len(name) + 2 and name not in _CLOSED:
        return around if struck == around.struck else replace(around, struck=True)
    attributes: dict[str, str] = {}
    for found in _ATTRIBUTE.finditer(tag):
        # Of an attribute that is there twice, the first counts.
        attributes.setdefault(found[1].lower(), unescape(found[2] or found[3] or found[4] or ""))
    bare = {found[1].lower() for found in _BARE.finditer(tag)}
    style = [
        ("color", attributes.get("color" if name == "font" else "text", "").strip().lower()),
        ("background-color", attributes.get("bgcolor", "").strip().lower()),
        *_declarations(attributes.get("style", "")),
    ]
    closed = (name in _CLOSED and "open" not in bare) or "hidden" in bare
    hidden = closed or attributes.get("aria-hidden", "").strip().lower() == "true"
    return _apply(style, replace(around, hidden=hidden, struck=struck))


def is_doubtful(sheet: str) -> bool:
    """Return whether a rule of a style sheet hides text, or strikes it out."""
    looks = [_apply(_declarations(found[1]), Look()) for found in _RULE.finditer(_plain(sheet))]
    return any(
        look.hidden or look.struck or (look.is_faint and look.colour != Look().colour) for look in looks
    )


def _apply(declarations: list[tuple[str, str]], look: Look) -> Look:
    """Return a look with what a style changes of it."""
    style = dict(declarations)
    colours = [value for name in _COLOURS if (value := style.get(name, "")) not in _UNSET]
    behind = [
        value for name in ("background-color", "background") if (value := style.get(name, "")) not in _UNSET
    ]
    colour = _colour(colours[-1]) if colours else look.colour
    ground = _colour(behind[0]) if behind else look.behind
    # A page behind which nothing is seen has the colour that is below it.
    ground = look.behind if ground == "transparent" else ground
    struck = look.struck or any(
        name.startswith("text-decoration") and "line-through" in value for name, value in declarations
    )
    # Of a property that is there twice, the first may count, if it is important or the last is not valid.
    hides = _hides(style) or any(_hides({name: value}) for name, value in declarations)
    return Look(colour, ground, look.hidden or hides, struck)


def _declarations(style: str) -> list[tuple[str, str]]:
    """Return the properties of a style and their values, in small letters."""
    pairs = (declaration.partition(":") for declaration in _plain(style).split(";"))
    return [(name.strip(), value.replace("!important", "").strip()) for name, _, value in pairs]


def _plain(style: str) -> str:
    """Return a style in small letters, without comments and escapes."""
    shown = _ESCAPE.sub(lambda found: chr(min(int(found[1], 16), 0x10FFFF)), _COMMENT.sub("", style))
    return shown.replace("\\", "").lower()


def _hides(style: dict[str, str]) -> bool:
    """Return whether a style hides text in another way than by its colour."""
    said = style.get
    size = said("font-size", "") or said("font", "")
    cut = said("overflow", "").startswith(("hidden", "clip"))
    return (
        said("display", "").startswith("none")
        or said("visibility", "").startswith(("hidden", "collapse"))
        or said("content-visibility", "").startswith("hidden")
        or "mso-hide" in style
        or _is_below(said("opacity", ""), _FAINT)
        or "opacity" in said("filter", "")
        or _is_tiny(size)
        or any(said(name, "auto") not in _UNSET for name in ("clip", "clip-path"))
        or "scale" in said("transform", "")
        or any(_FAR.search(said(name, "")) for name in _PLACES)
        or (cut and any(_is_tiny(said(name, "")) for name in _ROOM))
    )


def _is_tiny(size: str) -> bool:
    """Return whether the first size in a value is too small to be read."""
    found = next((each for each in _SIZE.finditer(size) if each[1].strip(".")), None)
    # A weight is a number without a unit, such as 400.
    return found is not None and float(found[1]) < _SMALLEST[found[2] or ""]


def _is_below(number: str, least: float) -> bool:
    found = _NUMBER.match(number)
    return found is not None and _share(found[0]) < least


def _share(number: str) -> float:
    return float(number.rstrip("%")) / 100 if number.endswith("%") else float(number)


def _colour(value: str) -> Colour:
    """Return a colour in red, green and blue, "transparent", or as it is written if that is not understood."""
    word = value.split("(")[0].strip()
    numbers = _NUMBER.findall(value)
    if word in ("rgb", "rgba", "hsl", "hsla") and len(numbers) >= 3:
        if len(numbers) > 3 and _is_below(numbers[3], _FAINT):
            return "transparent"
        if word.startswith("hsl"):
            # Only what is nearly white or black is known without its hue.
            grey = round(255 * _share(numbers[2]))
            return (grey, grey, grey) if not 25 < grey < 230 else value
        red, green, blue = (
            round(255 * _share(n)) if n.endswith("%") else round(float(n)) for n in numbers[:3]
        )
        return (red, green, blue)
    words = value.split() or [""]
    if found := _HEX.fullmatch(words[0]):
        signs = found[1] if len(found[1]) > 4 else "".join(2 * sign for sign in found[1])
        if len(signs) == 8 and int(signs[6:], 16) < 255 * _FAINT:
            return "transparent"
        return (int(signs[:2], 16), int(signs[2:4], 16), int(signs[4:6], 16))
    if words[0] in _WHITES:
        return (255, 255, 255)
    return (0, 0, 0) if words[0] == "black" else words[0]
