"""Finds mistakes in a template file without rendering it: says where each is, and what would be right."""

import difflib
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, TemplateError, TemplateSyntaxError, meta, nodes

from notifications.template_files import is_notice
from notifications.texts import ENCODING, EXPECTED, explain_unreadable

LAYOUTS = ("email/layout.txt.j2", "email/layout.html.j2")
REQUIRED_BLOCKS = ("subject", "happened", "asked")
OPTIONAL_BLOCKS = ("more", "offers")
# What every caller of `Templates.notice` passes, by name. The layouts get the rendered words too.
CONTEXT = {
    "notice": "the name of this notice",
    "person": "who reads it: name, email, role",
    "why": "why they get it, such as: as principal of Rainier Beach High School",
    "delegate_for": "the name of the absent person they stand in for, or nothing",
    "stands_in_for": "the role in whose place they are told, since nobody holds it, or nothing",
    "contact_as": "as what a contact of the Lead Partner is told whom the record does not name, or nothing",
    "only_told": "in place of a request that the right of such a contact does not cover, or nothing",
    "partnership": "ref, title, state, school_name; nothing where no single partnership is meant",
    "standing": "the states in their order, each with state, label and current (true or false)",
    "event": "name, at, by, role, input, note; nothing where a deadline speaks",
    "facts": "everything on record about the partnership",
    "deadline": "name, due_at, kind (remind, due or escalate), overdue, label, and the task of another date",
    "offers": "what the reader may do, each with event, label, url (or nothing), help, and words for a reply",
    "files": "the documents of the event, and those to read before acting, each with title, name, kind and url",
    "weighed": "what to weigh before an agreement is approved: autonomy, agreements, sums; None for others",
    "hindered": "what the reader may do later, each with event, label and reasons why not yet",
    "page": "the address of the page that shows the reader the partnership, or nothing",
    "replies": "whether an answer to this message is read",
    "office": "who signs: name, email, phone",
    "district": "the district's name",
    "names": "names by identifier of an organization and by e-mail address of a person",
    "reply": "in a notice about a message that came back: id, sender, name, subject, text, about, why; or nothing",
    "digest": "partnerships with what happened: ref, title, school_name, page, messages; empty but in the digest",
    "dates_in": "the language in which the reader wants each day besides English, or nothing",
    "me": "the address of the page where everybody finds what waits for them, or nothing",
    "summary": "the partnerships of the weekly summary: lines, more, meetings, undelivered; or nothing",
    "unsubscribe": "the address that ends messages such as this one, or nothing",
    "feed": "the address of the reader's calendar of all their dates, or nothing",
    "meeting": "in a notice of a change in the Board's calendar: when the meeting was and is now, or nothing",
    "changes": "what changed: by, lines, more; old, new_name, reason where somebody takes over; or nothing",
    "held": "in a notice about an application that waits: name, email, reason; or set_aside; or nothing",
    "request": "for somebody whom a public record names: what is asked for, respond_by; or nothing",
    "checkpoint": "for a witness: number, chains, root, stamped, no_time_stamp; or nothing",
    "missing": "for staff and the Superintendent, by role: a sentence for each role that nobody holds; or empty",
    "failure": "in a notice about the system itself: what failed; or nothing",
}
_WORDS = frozenset((*REQUIRED_BLOCKS, *OPTIONAL_BLOCKS))
# Each layout must use these names, or every message would lack what they hold.
_MUST_USE = ("happened", "asked", "more", "deadline", "offers", "digest")
_LAYOUT_NAMES = frozenset(Path(layout).name for layout in LAYOUTS)
_BLOCKS_EXPECTED = f"the blocks {', '.join(REQUIRED_BLOCKS)} and, where needed, more and offers"


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """One mistake in a template; `line` is None if it concerns the whole file."""

    file: str
    line: int | None
    problem: str
    expected: str

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}, line {self.line}"
        return f"{where}: {self.problem}; expected {self.expected}"


def find_problems(path: Path, environment: Environment, also: Collection[str] = ()) -> list[TemplateProblem]:
    """Return everything wrong with a file; `also` names context keys besides the usual ones.

    A later check would fail on what an earlier one finds, so it runs only where those found nothing:

    1. The name of the file, and whether it can be read and parsed.
    2. Filters and tests that do not exist, and the blocks of a notice or the names that a layout must use.
    3. Names that are not in the context, and what parsing lets pass but Jinja cannot turn into a program.
    """
    is_layout = path.name in _LAYOUT_NAMES
    if not is_layout and not is_notice(path):
        expected = "a name like board-approved.j2: lower case words joined by hyphens"
        return [TemplateProblem(str(path), None, "this is not a name for a notice", expected)]
    try:
        source = path.read_text(encoding=ENCODING)
        tree = environment.parse(source, filename=str(path))
    except TemplateSyntaxError as error:
        return [TemplateProblem(str(path), error.lineno, error.message or str(error), "correct Jinja")]
    except (OSError, UnicodeDecodeError) as error:
        return [TemplateProblem(str(path), None, explain_unreadable(error), EXPECTED)]
    problems = list(_find_unknown_operations(path, tree, environment))
    problems += _find_missing_names(path, tree, environment) if is_layout else _check_blocks(path, tree)
    names = set(CONTEXT) | set(also) | (_WORDS if is_layout else set())
    return problems or list(_find_unknown_names(path, tree, environment, names))


def _find_unknown_operations(
    path: Path, tree: nodes.Template, environment: Environment
) -> Iterator[TemplateProblem]:
    """Return a problem for each filter and test that does not exist."""
    for used in tree.find_all((nodes.Filter, nodes.Test)):
        kind, names = "filter", set(environment.filters)
        if isinstance(used, nodes.Test):
            kind, names = "test", set(environment.tests)
        if used.name not in names:
            yield TemplateProblem(
                str(path), used.lineno, f"there is no {kind} {used.name!r}", _suggest(used.name, names)
            )


def _check_blocks(path: Path, tree: nodes.Template) -> Iterator[TemplateProblem]:
    """Return a problem for each block of a notice that is missing or unknown, and for text outside of blocks."""
    present = [block.name for block in tree.find_all(nodes.Block)]
    for name in REQUIRED_BLOCKS:
        if name not in present:
            expected = f"{{% block {name} %}}...{{% endblock %}}"
            yield TemplateProblem(str(path), None, f"the block {name!r} is missing", expected)
    for block in tree.find_all(nodes.Block):
        if block.name not in _WORDS:
            yield TemplateProblem(
                str(path), block.lineno, f"there is no block {block.name!r}", _suggest(block.name, _WORDS)
            )
    yield from _find_text_outside(path, tree)


def _find_missing_names(
    path: Path, tree: nodes.Template, environment: Environment
) -> Iterator[TemplateProblem]:
    """Return a problem for each name that a layout must use, itself or in a file it includes, and does not."""
    trees = [tree]
    for name in meta.find_referenced_templates(tree):
        # A broken file that is included has its own problems, which its own check reports.
        with suppress(TemplateError):
            if name and environment.loader:
                trees.append(environment.parse(environment.loader.get_source(environment, name)[0]))
    used = {name.name for each in trees for name in each.find_all(nodes.Name)}
    for name in _MUST_USE:
        if name not in used:
            yield TemplateProblem(
                str(path), None, f"no message would say {name!r}: {CONTEXT.get(name, 'words of the notice')}",
                f"{{{{ {name} }}}} in the layout",
            )  # fmt: skip


def _find_text_outside(path: Path, tree: nodes.Template) -> Iterator[TemplateProblem]:
    """Return a problem for each text outside of the blocks, since rendering would drop it in silence."""
    for node in tree.body:
        if isinstance(node, nodes.Block) or (isinstance(node, nodes.Output) and _is_blank(node)):
            continue
        problem = "this stands outside the blocks and would never be sent"
        yield TemplateProblem(str(path), _first_line(node), problem, _BLOCKS_EXPECTED)


def _is_blank(output: nodes.Output) -> bool:
    return all(isinstance(part, nodes.TemplateData) and not part.data.strip() for part in output.nodes)


def _first_line(node: nodes.Node) -> int:
    """Return the line where the words begin. Jinja counts a text from the blank lines before it."""
    text = node.find(nodes.TemplateData) if isinstance(node, nodes.Output) else None
    if text is None or not text.data.strip():
        return node.lineno
    return text.lineno + text.data[: len(text.data) - len(text.data.lstrip())].count("\n")


def _find_unknown_names(
    path: Path, tree: nodes.Template, environment: Environment, names: Collection[str]
) -> Iterator[TemplateProblem]:
    """Return a problem for each name that neither the context nor the file itself defines.

    To find the names, Jinja makes the program of the template. So this also finds what parsing lets pass, such as
    a block that is defined twice.
    """
    # Jinja counts the x of `{% set x %}...{% endset %}` as undeclared, so names that the file sets are left out.
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    # This stands for compiling the template, which every start of a daemon would pay for once more.
    try:
        undeclared = meta.find_undeclared_variables(tree)
    except TemplateSyntaxError as error:
        yield TemplateProblem(str(path), error.lineno, error.message or str(error), "correct Jinja")
        return
    unknown = undeclared - own - set(names) - set(environment.globals)
    for name in sorted(unknown):
        lines = [used.lineno for used in tree.find_all(nodes.Name) if used.name == name]
        yield TemplateProblem(
            str(path), min(lines, default=None), f"there is nothing called {name!r}", _suggest(name, names)
        )


def _suggest(name: str, names: Collection[str]) -> str:
    """Return the name that is closest to a misspelt one, or else all names."""
    near = difflib.get_close_matches(name, names, n=1)
    return f"perhaps {near[0]!r}" if near else f"one of: {', '.join(sorted(names))}"
