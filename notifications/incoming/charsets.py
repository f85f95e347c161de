"""Decodes bytes by the name of their charset, as mail programs and browsers mean it (WHATWG, Encoding)."""

from __future__ import annotations

import codecs

# Many programs write "iso-8859-1" or "us-ascii" and send Windows-1252, which has letters where those have none. The
# same holds for other families. A name that is in none of these lists means what Python takes it for.
_FAMILIES = {
    "cp1252": (
        "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 iso_8859-1 "
        "iso_8859-1:1987 l1 latin1 latin-1 us-ascii windows-1252 x-cp1252"
    ),
    "cp1254": "csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 l5 latin5 windows-1254 x-cp1254",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr euc-kr korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 windows-949",
    "gb18030": "chinese csgb2312 gb18030 gb2312 gb_2312 gb_2312-80 gbk x-gbk",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "iso-8859-8": "iso-8859-8-i logical iso-8859-8-e",
}
_CODECS = {name: codec for codec, names in _FAMILIES.items() for name in names.split()}
# These are no charsets of mail: they would read other words than the bytes show.
_REFUSED = frozenset(
    ("unicode-escape", "raw-unicode-escape", "punycode", "idna", "utf-7", "undefined", "mbcs", "oem")
)


def decode(raw: bytes, charset: str) -> str:
    """Return bytes as text: by the charset, or else by UTF-8, or else by Windows-1252, which never fails."""
    name = charset.strip().strip("\"'").lower()
    ascii_only = name in ("us-ascii", "ascii", "ansi_x3.4-1968", "")
    # Bytes that are valid UTF-8 are UTF-8 where no other charset is named, or one that cannot have them.
    for codec in ("utf-8", name) if ascii_only else (_CODECS.get(name, name), "utf-8"):
        if codec in ("", "cp1252") or _CODECS.get(codec) == "cp1252":
            break
        try:
            # An escape is a way around the words that are shown.
            if codec.replace("_", "-") not in _REFUSED:
                return raw.decode(codec)
        except (LookupError, ValueError):  # an unknown charset, or bytes that it does not have
            continue
    return raw.decode("cp1252", "partnerships.control")


def _keep_control(error: UnicodeError) -> tuple[str, int]:
    """Return the control characters for the five bytes that Windows-1252 has no letter for."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("partnerships.control", _keep_control)
