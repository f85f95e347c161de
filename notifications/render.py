"""Renders notices: turns a template and its context into a subject, a text part and an HTML part.

Each notice is one file, `email/NAME.j2`, with the blocks `subject`, `happened`, `asked` and, if needed, `more`. Its
words are rendered once, as plain text. A block `offers` names the events that the words ask this reader for. Two
layouts add what every message has: by when and how to act, where the partnership stands, why the reader gets the
message, and who sends it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
from jinja2 import FileSystemLoader, Template, TemplateNotFound, TemplateSyntaxError
from jinja2.runtime import Context

from notifications import markup
from notifications.check import LAYOUTS, TemplateProblem, find_problems
from notifications.errors import ServiceError
from notifications.filters import filters_for, link
from notifications.sandbox import Sandbox, bounded
from notifications.template_files import choose_files, is_notice
from notifications.texts import ENCODING, EXPECTED, explain_unreadable

MOST_OF_SUBJECT = 78  # characters, as many as a line of a message should have (RFC 5322, 2.1.1)
_LEAST_OF_NAME = 25  # characters that are left of a name
_PIECES = ("subject", "happened", "asked", "more")
_CONTEXT_EXPECTED = "names and values as the notice context has them"


class TemplateMissing(LookupError):
    """No folder of templates has this notice."""


class TemplateFailed(ServiceError):
    """A template exists and cannot be rendered; `problem` says where and why."""

    def __init__(self, problem: TemplateProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Rendered:
    """A rendered message: `subject` is one line, `html` a whole document with its styles inlined."""

    subject: str
    text: str
    html: str


def make_environment(folders: Sequence[Path], zone: ZoneInfo, *, html: bool) -> Sandbox:
    """Return the environment of templates: a sandbox that escapes HTML and refuses unknown names."""
    sandbox = Sandbox(
        loader=FileSystemLoader([str(folder) for folder in folders], encoding=ENCODING),
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        # A message must not change while the program runs: only
        # a new object, as after a reload, reads the files.
        auto_reload=False,
        cache_size=-1,
    )
    sandbox.filters.update(filters_for(zone))
    sandbox.filters.update(paragraphs=markup.make_html, link=link)
    sandbox.filters.update(wrapped=markup.wrap, glued=markup.glue)
    return sandbox


class Templates:
    """The notices in `folders`, which are searched in order: a district's file hides the packaged one of its name.

    Each file is read and compiled once, so only a new object sees a changed file. Threads may share this object.
    """

    def __init__(self, folders: Sequence[Path], zone: ZoneInfo) -> None:
        self._folders = tuple(folders)
        self._files = choose_files(self._folders)
        self._names = sorted(path.stem for path in self._files if is_notice(path))
        self._text = make_environment(self._folders, zone, html=False)
        self._html = make_environment(self._folders, zone, html=True)
        # Fetch no stylesheet from the network: a slow server would stall the outbox.
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)

    def names(self) -> list[str]:
        """Return the names of all notices, in alphabetical order."""
        return list(self._names)

    def notice(self, name: str, context: Mapping[str, Any]) -> Rendered:
        """Render one notice; the keys of `context` are those of `check.CONTEXT`.

        Raise `TemplateMissing` if there is no such notice, and `TemplateFailed` if it cannot be rendered.
        """
        pieces = self._render_blocks(name, context, _PIECES)
        full = {**context, **pieces}
        text = self._render_layout(self._text, LAYOUTS[0], full)
        html = self._inliner.inline(self._render_layout(self._html, LAYOUTS[1], full))
        return Rendered(pieces["subject"], markup.clean(text) + "\n", html)

    def subject(self, name: str, context: Mapping[str, Any]) -> str:
        """Return only the subject, on one line. Raise as `notice` does."""
        return self._render_blocks(name, context, ("subject",))["subject"]

    def words(self, name: str, context: Mapping[str, Any]) -> dict[str, str]:
        """Return only the words, by block, for a message with several notices. Raise as `notice` does."""
        return self._render_blocks(name, context, _PIECES)

    def offers(self, name: str, context: Mapping[str, Any]) -> list[str] | None:
        """Return the events that the words of a notice ask its reader for, the likeliest first.

        Return None if the notice does not say: then it offers what its row of the configuration names. Raise as
        `notice` does.
        """
        self._require(name)
        template = self._load(self._text, f"email/{name}.j2")
        render = template.blocks.get("offers")
        return None if render is None else self._run(template, render, context).split()

    def problems(self, also: Collection[str] = ()) -> list[TemplateProblem]:
        """Return all mistakes in the files, found without rendering; `also` names further context keys."""
        problems: list[TemplateProblem] = []
        for path in self._files:
            problems += find_problems(path, self._text, also)
        present = {path.name for path in self._files}
        for layout in LAYOUTS:
            if layout.removeprefix("email/") not in present:
                where = " or ".join(str(folder / layout) for folder in self._folders)
                problems.append(TemplateProblem(layout, None, "the layout is missing", f"a file {where}"))
        return problems

    def problems_with(self, name: str, context: Mapping[str, Any]) -> TemplateProblem | None:
        """Return what goes wrong when a notice is rendered with a sample context; None if nothing does."""
        try:
            self.notice(name, context)
        except TemplateFailed as failed:
            return failed.problem
        except TemplateMissing as gone:
            return TemplateProblem(f"email/{name}.j2", None, str(gone), "one file for every notice")
        return None

    def _render_blocks(self, name: str, context: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, str]:
        self._require(name)
        template = self._load(self._text, f"email/{name}.j2")
        # A subject has no room for a date twice.
        short = {**context, "dates_in": None}
        return {
            block: self._render_block(template, block, short if block == "subject" else context)
            for block in wanted
        }

    def _require(self, name: str) -> None:
        if name not in self._names:
            names = ", ".join(self._names) or "none at all"
            raise TemplateMissing(f"there is no notice {name!r} (file email/{name}.j2); there are: {names}")

    def _render_block(self, template: Template, block: str, context: Mapping[str, Any]) -> str:
        render = template.blocks.get(block)
        # A district's own notice may lack a block.
        # A message without its subject or its request must not go out.
        if render is None and block != "more":
            expected = f"{{% block {block} %}}...{{% endblock %}}"
            raise TemplateFailed(_make_problem(template, None, f"the block {block!r} is missing", expected))
        text = self._run(template, render, context) if render else ""
        if block == "asked" and context.get("only_told"):
            text = context["only_told"]
        if block != "subject":
            return markup.clean(text)
        # A subject can be empty by its conditions only, which no check of the file can see.
        if not (line := markup.join_lines(text)):
            raise TemplateFailed(_make_problem(template, None, "the subject is empty", "a line of words"))
        return _fit_subject(line, (context["partnership"] or {}).get("school_name", ""))

    def _render_layout(self, environment: Sandbox, file: str, context: Mapping[str, Any]) -> str:
        template = self._load(environment, file)
        return self._run(template, template.root_render_func, context)

    def _load(self, environment: Sandbox, file: str) -> Template:
        try:
            return environment.get_template(file)
        except TemplateNotFound as error:
            problem = TemplateProblem(file, None, "the file is missing", f"a file {file}")
            raise TemplateFailed(problem) from error
        except TemplateSyntaxError as error:
            where = error.filename or file
            problem = TemplateProblem(where, error.lineno, error.message or str(error), "correct Jinja")
            raise TemplateFailed(problem) from error
        except UnicodeDecodeError as error:
            problem = TemplateProblem(file, None, explain_unreadable(error), EXPECTED)
            raise TemplateFailed(problem) from error

    def _run(
        self, template: Template, render: Callable[[Context], Iterable[str]], context: Mapping[str, Any]
    ) -> str:
        """Return what a template renders. Raise `TemplateFailed`, with its file and line."""
        try:
            with bounded():
                return "".join(render(template.new_context(dict(context))))
        except Exception as error:
            # An expression in a template can fail in any way that Python can. Name its file and line in each case.
            at, line = _find_place(template, error.__traceback__)
            raise TemplateFailed(_make_problem(at, line, str(error), _CONTEXT_EXPECTED)) from error


def _fit_subject(line: str, place: str) -> str:
    """Return a subject that a mail program shows whole, with the name of the school cut short where it is long."""
    excess = len(line) - MOST_OF_SUBJECT
    if excess <= 0 or not place or place not in line:
        return line
    # What is asked, and by when, is never cut.
    kept = max(len(place) - excess - 1, _LEAST_OF_NAME)
    return line.replace(place, place[:kept].rstrip(" ,.-") + "…") if kept < len(place) else line


def _make_problem(template: Template, line: int | None, problem: str, expected: str) -> TemplateProblem:
    return TemplateProblem(template.filename or str(template.name), line, problem, expected)


def _find_place(template: Template, trace: TracebackType | None) -> tuple[Template, int | None]:
    """Return the innermost template of a traceback and the line in it, since a template may include another."""
    line: int | None = None
    while trace is not None:
        # Jinja puts the template into the globals of the code
        # that it compiled, so this finds frames of templates.
        inner = trace.tb_frame.f_globals.get("__jinja_template__")
        if inner is not None:
            template, line = inner, inner.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return template, line
