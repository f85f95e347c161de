"""Turns a notice's words and its context into a message: a subject, a text part and an HTML part.

Each notice is one file, `email/NAME.j2`, with the blocks `subject`, `happened`, `asked` and, where there is
more to say, `more`. The words are rendered once, as plain text, and two layouts put them among what every
message carries: by when, how, where the partnership stands, why the reader gets it, and who sends it.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

import css_inline
from jinja2 import FileSystemLoader, StrictUndefined, Template, TemplateNotFound, TemplateSyntaxError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from notifications import markup
from notifications.check import LAYOUTS, TemplateProblem, is_notice, problems_in
from notifications.errors import ServiceError
from notifications.filters import filters_for, link

_PIECES = ("subject", "happened", "asked", "more")
_CONTEXT_EXPECTED = "names and values as the notice context has them"


class TemplateMissing(LookupError):
    """No folder of templates holds this notice."""


class TemplateFailed(ServiceError):
    """A template exists but can't be rendered; `problem` says where and why."""

    def __init__(self, problem: TemplateProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one person reads: `subject` is one line, `html` a whole document with its styles inlined."""

    subject: str
    text: str
    html: str


class _Unknown(StrictUndefined):
    """Refuses as StrictUndefined does, and says which names there are."""

    @property
    def _undefined_message(self) -> str:
        owner = self._undefined_obj
        if self._undefined_hint or not isinstance(owner, Mapping):
            name = f"there is nothing called {self._undefined_name!r} in the notice context"
            return name if owner is missing else super()._undefined_message
        known = ", ".join(sorted(str(key) for key in owner)) or "nothing"
        return f"there is no {self._undefined_name!r} here; there is: {known}"


class Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, in which `facts.items` is the fact called "items" and not a method of dictionaries."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def environment(folders: Sequence[Path], zone: ZoneInfo, *, html: bool) -> Sandbox:
    """What templates are compiled in: a sandbox, with HTML escaped, that refuses names nobody gives."""
    made = Sandbox(
        loader=FileSystemLoader([str(folder) for folder in folders], encoding="utf-8"),
        undefined=_Unknown,
        autoescape=html,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    made.filters.update(filters_for(zone))
    made.filters.update(paragraphs=markup.paragraphs, link=link)
    made.filters.update(wrapped=markup.wrapped, glued=markup.glued)
    return made


class Templates:
    """The notices in `folders`, searched in order, so a district's file hides the packaged one of its name.

    Files are read and compiled once; make a new object to see changed ones. Safe to share between threads.
    """

    def __init__(self, folders: Sequence[Path], zone: ZoneInfo) -> None:
        self._folders = tuple(folders)
        self._files = _files_in_force(self._folders)
        self._text = environment(self._folders, zone, html=False)
        self._html = environment(self._folders, zone, html=True)
        # Never the network: a stylesheet fetched while sending would stall the outbox.
        self._inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)

    def names(self) -> list[str]:
        """Every notice there is, by name, in alphabetical order."""
        return sorted(path.stem for path in self._files if is_notice(path))

    def notice(self, name: str, context: Mapping[str, Any]) -> Rendered:
        """The message `name` with `context` (its keys are those of `check.CONTEXT`).

        Raises TemplateMissing where there is no such notice, TemplateFailed where it can't be rendered.
        """
        pieces = self._pieces(name, context, _PIECES)
        full = {**context, **pieces}
        text = self._layout(self._text, LAYOUTS[0], full)
        html = self._inliner.inline(self._layout(self._html, LAYOUTS[1], full))
        return Rendered(pieces["subject"], markup.cleaned(text) + "\n", html)

    def subject(self, name: str, context: Mapping[str, Any]) -> str:
        """The subject alone, one line; raises as `notice` does."""
        return self._pieces(name, context, ("subject",))["subject"]

    def words(self, name: str, context: Mapping[str, Any]) -> dict[str, str]:
        """The words alone, by block, for a message that says more than one thing; raises as `notice` does."""
        return self._pieces(name, context, _PIECES)

    def problems(self, also: Collection[str] = ()) -> list[TemplateProblem]:
        """Everything wrong with the files, found without rendering; `also` names further context keys."""
        found: list[TemplateProblem] = []
        for path in self._files:
            found += problems_in(path, self._text, also)
        present = {path.name for path in self._files}
        for layout in LAYOUTS:
            if layout.removeprefix("email/") not in present:
                where = " or ".join(str(folder / layout) for folder in self._folders)
                found.append(TemplateProblem(layout, None, "the layout is missing", f"a file {where}"))
        return found

    def problems_with(self, name: str, context: Mapping[str, Any]) -> TemplateProblem | None:
        """What goes wrong when `name` is rendered with the sample `context`, or None."""
        try:
            self.notice(name, context)
        except TemplateFailed as failed:
            return failed.problem
        except TemplateMissing as gone:
            return TemplateProblem(f"email/{name}.j2", None, str(gone), "one file for every notice")
        return None

    def _pieces(self, name: str, context: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, str]:
        if name not in self.names():
            known = ", ".join(self.names()) or "none at all"
            raise TemplateMissing(f"there is no notice {name!r} (file email/{name}.j2); there are: {known}")
        template = self._template(self._text, f"email/{name}.j2")
        return {block: self._block(template, block, context) for block in wanted}

    def _block(self, template: Template, block: str, context: Mapping[str, Any]) -> str:
        render = template.blocks.get(block)
        if render is None and block != "more":
            expected = f"{{% block {block} %}}...{{% endblock %}}"
            raise TemplateFailed(_problem(template, None, f"the block {block!r} is missing", expected))
        text = self._run(template, render, context) if render else ""
        if block != "subject":
            return markup.cleaned(text)
        if not markup.one_line(text):
            raise TemplateFailed(_problem(template, None, "the subject is empty", "a line of words"))
        return markup.one_line(text)

    def _layout(self, environment: Sandbox, file: str, context: Mapping[str, Any]) -> str:
        template = self._template(environment, file)
        return self._run(template, template.root_render_func, context)

    def _template(self, environment: Sandbox, file: str) -> Template:
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
            problem = TemplateProblem(file, None, f"unreadable: {error}", "a file in UTF-8")
            raise TemplateFailed(problem) from error

    def _run(
        self, template: Template, render: Callable[[Context], Iterable[str]], context: Mapping[str, Any]
    ) -> str:
        try:
            return "".join(render(template.new_context(dict(context))))
        except Exception as error:
            # Staff's expressions can fail in any way Python can; each must name its file and line.
            at, line = _place(template, error.__traceback__)
            raise TemplateFailed(_problem(at, line, str(error), _CONTEXT_EXPECTED)) from error


def _files_in_force(folders: Sequence[Path]) -> list[Path]:
    """The templates under email/: of each file name, the one in the first folder that has it."""
    chosen: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "email").glob("*.j2")):
            chosen.setdefault(path.name, path)
    return [chosen[name] for name in sorted(chosen)]


def _problem(template: Template, line: int | None, problem: str, expected: str) -> TemplateProblem:
    return TemplateProblem(template.filename or str(template.name), line, problem, expected)


def _place(template: Template, trace: TracebackType | None) -> tuple[Template, int | None]:
    """The innermost template of a traceback, as one may include another, with its own line number."""
    line: int | None = None
    while trace is not None:
        inner = trace.tb_frame.f_globals.get("__jinja_template__")
        if inner is not None:
            template, line = inner, inner.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return template, line
