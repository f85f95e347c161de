"""Reads a form that was sent. A document over the limit is not read, and what was typed beside it is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from flask import Request, abort, request
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from states.errors import BadInput, Problem
from workflow.actions import attachments
from workflow.actions.kept_forms import Faults, Kept
from workflow.web import closed_link

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

ROOM_FOR_FIELDS = 1_000_000  # bytes of a form besides its document
MOST_OF_TEXT = 500_000  # the most bytes of one text that are kept, many times what any field takes
MOST_OF_TEXTS = 4_000_000  # the most characters of all texts of a form
_CHUNK = 65_536
BUTTONS = r"act|save|record|unattach|add|drop\.[0-9]{1,3}"
NAME = r"[0-9a-f]{32}"  # of a form, and of a digest


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as it was sent.

    `form` is its unique name, `shown` the digest of what the page showed, `do` the button, `texts` what was typed,
    `files` the name and content of each attached document, and `too_large` the problem with each document or text
    over its limit, by its name.
    """

    form: str
    shown: str
    do: str
    texts: dict[str, str]
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    too_large: Mapping[str, Problem] = field(default_factory=dict)

    def to_keep(self, document: str | None, faults: Faults) -> Kept:
        """Return the form as it is kept. `document` is the key of its document."""
        return Kept(self.form, self.shown, self.texts, self.files.get(document or ""), faults)


class Part(BytesIO):
    """A part of a form as it arrives: it counts all bytes, and holds only the first `most` of them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.size = most, 0

    def add(self, content: bytes) -> None:
        """Take more of the part."""
        room = max(0, self.most - self.size)
        self.size += len(content)
        self.write(content[:room])

    @property
    def is_cut(self) -> bool:
        """Return whether it was longer than what is held."""
        return self.size > self.most


class Parser(FormDataParser):
    """Reads multipart/form-data part by part, so that one part over its limit does not cost the others."""

    most_of_file = 0  # bytes; the request sets it

    def _parse_multipart(
        self, stream: IO[bytes], mimetype: str, content_length: int | None, options: dict[str, str]
    ) -> tuple[IO[bytes], MultiDict[str, str], MultiDict[str, FileStorage]]:
        boundary = options.get("boundary", "").encode("ascii")
        if not boundary:
            raise ValueError("the form has no boundary")
        decoder = MultipartDecoder(boundary, max_parts=self.max_form_parts)
        texts: list[tuple[str, str]] = []
        files: list[tuple[str, FileStorage]] = []
        for chunk in chain(iter(partial(stream.read, _CHUNK), b""), [None]):
            decoder.receive_data(chunk)
            while not isinstance(event := decoder.next_event(), (NeedData, Epilogue)):
                if isinstance(event, (Field, File)):
                    head, part = event, Part(self.most_of_file if isinstance(event, File) else MOST_OF_TEXT)
                elif isinstance(event, Data):
                    part.add(event.data)
                    if not event.more_data:
                        self._finish(head, part, texts, files)
        return stream, self.cls(texts), self.cls(files)

    def _finish(
        self,
        head: Field | File,
        part: Part,
        texts: list[tuple[str, str]],
        files: list[tuple[str, FileStorage]],
    ) -> None:
        part.seek(0)
        if isinstance(head, File) or part.is_cut:
            # A text that was cut must not pass for what was typed, so it is listed with the files.
            name = head.filename if isinstance(head, File) else None
            files.append((head.name, FileStorage(part, name, head.name, headers=head.headers)))
        if isinstance(head, Field):
            texts.append((head.name, part.read().decode("utf-8", "replace")))
        if sum(len(text) for _, text in texts) > MOST_OF_TEXTS:
            raise RequestEntityTooLarge


class FormRequest(Request):
    """A request in which a document or a text that is too large is cut off, while the other fields are read."""

    form_data_parser_class = Parser
    most_of_file = 0  # the most bytes of a document; `app` sets it

    def __init__(self, environ: WSGIEnvironment, *rest: Any, **options: Any) -> None:
        super().__init__(environ, *rest, **options)
        if self.mimetype != "multipart/form-data":
            # A form without documents is read at once and stays in memory.
            self.max_content_length = self.most_of_file + ROOM_FOR_FIELDS

    def make_form_data_parser(self) -> FormDataParser:
        """Return the parser of forms, with the limit of a document."""
        parser = super().make_form_data_parser()
        if isinstance(parser, Parser):
            parser.most_of_file = self.most_of_file
        return parser


def read_sent(megabytes: int) -> Sent:
    """Return the form that was sent. Abort with 400 if no page of this site could have sent it."""
    if None in request.form or None in request.files:
        # A part of multipart/form-data can come without a name. No form of this site sends one.
        abort(400)
    # A list of check boxes sends one value for each box under the same name.
    texts = {name: "\n".join(request.form.getlist(name)) for name in request.form}
    files, too_large, named = {}, {}, {}
    for name, file in request.files.items():
        if isinstance(file.stream, Part) and file.stream.is_cut:
            too_large[name] = _find_too_large(name, file.filename, file.stream, megabytes)
            named[name] = file.filename
        elif file.filename:
            files[name] = attachments.clean_file_name(file.filename), file.read()
    form, shown, do = (texts.pop(name, "") for name in closed_link.OURS)
    # Both come from the page and are random or a digest. Any other value was made up or is damaged.
    if not re.fullmatch(NAME, form) or not re.fullmatch(NAME, shown) or not re.fullmatch(BUTTONS, do):
        abort(400)
    texts |= {name: file_name for name, (file_name, _) in files.items()}
    texts |= {name: attachments.clean_file_name(file_name) for name, file_name in named.items() if file_name}
    return Sent(form, shown, do, texts, files, too_large)


def _find_too_large(name: str, file_name: str | None, part: Part, megabytes: int) -> Problem:
    if file_name:
        return attachments.find_too_large(name, attachments.clean_file_name(file_name), part.size, megabytes)
    problem = f"it is too long: {part.size:,} characters, of which the first {part.most:,} are still here"
    return Problem(name, problem, "a few pages at most")


def refuse_too_large(sent: Sent) -> None:
    """Raise `BadInput` if a document is over the limit."""
    if sent.too_large:
        raise BadInput(sent.too_large.values())
