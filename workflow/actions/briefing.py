"""Collects what a person reads before acting: the statement, terms, outcomes, scores or report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from notifications.written import long_day, money
from states.errors import TableError
from states.fact import Fact
from states.inputs import ABILITIES, READABLE
from states.lifecycle import TABLE
from states.names import Role
from states.partnership import Outcome, Review
from workflow.actions.task import Task
from workflow.session import Session
from workflow.store.application_texts import ApplicationText
from workflow.views import attached, weighed
from workflow.views.applications import texts_for
from workflow.views.present_names import rename, rename_call
from workflow.views.standings import MOST, Standing, add_up, standings_of

Pairs = list[tuple[str, str]]  # a label and a value


@dataclass(frozen=True, slots=True)
class Card:
    """One of several items of a kind, shown side by side."""

    title: str
    pairs: Pairs = field(default_factory=list)
    text: str = ""
    files: list[attached.Shown] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. The first cell of each row heads the row."""

    caption: str
    columns: list[str]
    rows: list[list[str]]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the reading. Each of `lists` is a label and its entries."""

    title: str
    pairs: Pairs = field(default_factory=list)
    lists: list[tuple[str, list[str]]] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    text: str = ""
    grids: list[Grid] = field(default_factory=list)
    files: list[attached.Shown] = field(default_factory=list)


def collect_sections(session: Session, task: Task) -> list[Section]:
    """Return the reading that the event's form names, without what its role may not know."""
    sections = (SECTIONS[name](session, task) for name in task.event.form.reads)
    return [section for section in sections if section is not None]


def _show(documents: Iterable[Fact | None]) -> list[attached.Shown]:
    """Return documents of the facts as pages show them."""
    return [attached.show(each.model_dump(mode="json")) for each in documents if each is not None]


def _statement(_: Session, task: Task) -> Section | None:
    statement = task.record.facts.needs.statement
    if statement is None:
        return None
    document = statement.model_dump(mode="json")
    lists = [(key.capitalize(), entries or ["None."]) for key, entries in document.items()]
    return Section("The statement of needs", lists=lists)


def _terms(session: Session, task: Task) -> Section | None:
    agreement = task.record.facts.agreement
    if agreement is None:
        return None
    contact = task.record.facts.contact
    pairs: Pairs = [
        ("Kind of agreement", READABLE[agreement.instrument]),
        ("Whole amount", money(agreement.amount_cents)),
        ("First day", long_day(agreement.starts_on)),
        ("Last day", long_day(agreement.ends_on)),
    ]
    if contact:
        pairs.insert(0, ("Contact of the Lead Partner", f"{contact.name}, {contact.email}"))
    if agreement.autonomy_requested_by:
        pairs.append(("Autonomy wanted by", READABLE[agreement.autonomy_requested_by]))
    if agreement.pending:
        change = agreement.pending
        pairs.append(("Amount after the change", money(change.amount_cents)))
        pairs.append(("Last day after the change", long_day(change.ends_on)))
        pairs.append(("Why the change", change.reason))
    lists = [("Responsibilities", list(agreement.responsibilities))] if agreement.responsibilities else []
    if weighing := weighed.describe(session, task.record, task.role):
        lists.append(("Autonomy in its words (policy 4270.9b)", weighing["autonomy"]))
        lists.append(("All agreements of this organization", [*weighing["agreements"], weighing["sums"]]))
        lists = [(label, entries) for label, entries in lists if any(entries)]
    waiting = agreement.pending.document if agreement.pending else None
    # Who signs sees which very file is signed.
    files = [each | {"proof": each["sha256"]} for each in _show([agreement.document, waiting])]
    return Section("The terms of the agreement", pairs=pairs, lists=lists, files=files)


def _outcomes(_: Session, task: Task) -> Section | None:
    facts = task.record.facts
    cards = [Card(outcome.name, outcome_pairs(outcome)) for outcome in facts.outcomes_to_agree.items]
    if not cards:
        return None
    if facts.proposed_outcomes is None:
        return Section("The outcomes", cards=cards)
    present = [f"{outcome.name}: {_in_short(outcome)}" for outcome in facts.outcomes.items]
    lists = [("Until all three have agreed, these count", present)]
    return Section("The outcomes that are proposed", cards=cards, lists=lists)


def _in_short(outcome: Outcome) -> str:
    return f"from {outcome.baseline:g} to {outcome.target:g} ({outcome.unit})"


def outcome_pairs(outcome: Outcome) -> Pairs:
    """Return the measure, baseline, target and goal of an outcome in words."""
    return [
        ("Measure", outcome.measure),
        ("At the start", f"{outcome.baseline:g} ({outcome.unit})"),
        ("Target", f"{outcome.target:g} ({outcome.unit})"),
        ("Goal", outcome.goal),
    ]


def _item(_: Session, task: Task) -> Section | None:
    item = task.record.facts.board.item
    if item is None:
        return None
    pairs: Pairs = [("What the Board is asked for", READABLE[item.purpose]), ("Why", item.reason)]
    if item.because:
        pairs.append(("Clauses that call for the Board", ", ".join(item.because)))
    if item.meeting_on:
        pairs.append(("On the agenda of", long_day(item.meeting_on)))
    pairs += [("Introduced on", long_day(day)) for day in item.introduced]
    if item.change:
        pairs.append(("New whole amount", money(item.change.amount_cents)))
        pairs.append(("New last day", long_day(item.change.ends_on)))
    since = [each for each in task.record.facts.documents if each.at >= item.referred_at]
    return Section("What the Board has before it", pairs=pairs, files=_show([*item.documents, *since]))


def _open_review(task: Task) -> Review | None:
    """Return the annual review in progress. Nobody needs to read an earlier one before acting."""
    review = task.record.facts.review
    return review if review and review.decided_at is None else None


def _report(_: Session, task: Task) -> Section | None:
    review = _open_review(task)
    if review is None or not review.reports:
        return None
    report = review.reports[-1]
    cards = []
    facts = task.record.facts
    earlier = [each for outcomes in facts.earlier_outcomes for each in outcomes.items]
    # A report has a value for each outcome that counted when it was written.
    for outcome in facts.outcomes_at(report.at).items:
        pairs = outcome_pairs(outcome)
        pairs += [
            ("Before", _in_short(each)) for each in earlier if each.name == outcome.name and each != outcome
        ]
        if outcome.name in report.values:
            value = report.values[outcome.name]
            up = outcome.direction == "increase"
            # The direction says what is better: fewer absences reach their target from above.
            reached = value >= outcome.target if up else value <= outcome.target
            verdict = "target reached" if reached else "target not reached"
            pairs.insert(0, ("This year", f"{value:g} ({outcome.unit}): {verdict}"))
        cards.append(Card(outcome.name, pairs))
    files = _show([report]) if report.document else []
    return Section("The year's report", cards=cards, text=report.narrative, files=files)


def _findings(_: Session, task: Task) -> Section | None:
    review = _open_review(task)
    findings = review.findings if review else {}
    sides = {"school": "The school", "district": "The District", "partner": "The Lead Partner"}
    cards = [
        Card(
            sides[side],
            [("Substantial and positive impact", "Yes" if finding.impact else "No")],
            finding.reasons,
            _show(finding.documents),
        )
        for side, finding in findings.items()
    ]
    return Section("The findings so far", cards=cards) if cards else None


def _scores(session: Session, task: Task) -> Section | None:
    """Return each application with its scores, for staff, once the call is closed. Before that nobody may know."""
    selection = task.record.facts.selection
    if selection is None or selection.closed_at is None or task.role is not Role.STAFF:
        return None
    # The call has closed, so nothing in it is sealed any more.
    texts = texts_for(session, task.record, task.viewer, selection.closed_at)
    standings = standings_of(rename_call(session.directory, selection))
    if not standings:
        return None
    grids = [_averages(session, standings), *(_points(session, each) for each in standings if each.scores)]
    cards = [_score_card(session, each, texts[each.application.organization]) for each in standings]
    return Section("The applications and their scores", grids=grids, cards=cards)


def _averages(session: Session, standings: Sequence[Standing]) -> Grid:
    """Return the averages of all applications, with the conflicts of interest and who has not scored."""
    abilities = [READABLE[ability] for ability in ABILITIES]
    columns = ["Organization", f"All abilities, of {MOST}", *abilities, "Reviewers", "Without a score of"]
    rows = []
    for each in standings:
        averages = [each.average, *map(each.average_of, ABILITIES)]
        by = f"{len(each.scores)} of {len(each.scores) + len(each.conflicts) + len(each.left)}"
        absent = [f"{session.name_of(one.reviewer)} (conflict of interest)" for one in each.conflicts]
        absent += [f"{session.name_of(reviewer)} (not scored yet)" for reviewer in each.left]
        rows.append([each.application.name, *map(_round, averages), by, ", ".join(absent) or "-"])
    return Grid("Averages, highest first. Each ability has 1 to 5 points", columns, rows)


def _points(session: Session, standing: Standing) -> Grid:
    """Return what each reviewer gave one application, with the sums."""
    columns = ["Reviewer", *(READABLE[ability] for ability in ABILITIES), f"Sum, of {MOST}"]
    rows = [
        [session.name_of(each.reviewer), *(str(each.scores[a]) for a in ABILITIES), str(add_up(each))]
        for each in standing.scores
    ]
    averages = [*map(standing.average_of, ABILITIES), standing.average]
    rows.append(["Average", *map(_round, averages)])
    return Grid(f"Scores of {standing.application.name}", columns, rows)


def _score_card(session: Session, standing: Standing, text: ApplicationText) -> Card:
    """Return the comments and conflicts of the reviewers, and what the application says."""
    pairs: Pairs = [("Kind", standing.application.kind.replace("-", " ").capitalize())]
    pairs += [(f"Comment of {session.name_of(each.reviewer)}", each.comment) for each in standing.scores]
    pairs += [
        (f"Conflict of interest of {session.name_of(each.reviewer)}", each.reason)
        for each in standing.conflicts
    ]
    pairs += [(READABLE[ability], text.abilities.get(ability, "nothing")) for ability in ABILITIES]
    if text.demonstration:
        pairs.append(("Ability to serve", text.demonstration))
    return Card(standing.application.name, pairs, files=[attached.show(each) for each in text.documents])


def _round(number: float | None) -> str:
    return "-" if number is None else f"{number:.1f}"


def _protests(session: Session, task: Task) -> Section | None:
    selection = rename(session.directory, task.record.facts).selection
    waiting = selection.unanswered() if selection else ()
    cards = [
        Card(selection.applications[p.organization].name, text=p.text, files=_show(p.documents))
        for p in waiting
        if selection is not None and p.organization in selection.applications
    ]
    return Section("What waits for an answer", cards=cards) if cards else None


def _questions(_: Session, task: Task) -> Section | None:
    call = task.record.facts.selection
    cards = [
        Card(f"Question {number}", [("Answered", each.answer)] if each.answer else [], text=each.text)
        for number, each in enumerate(call.questions if call else (), 1)
    ]
    return Section("The questions about the call", cards=cards) if cards else None


def _choice(session: Session, task: Task) -> Section | None:
    selection = task.record.facts.selection
    if selection is None or selection.choice is None:
        return None
    applications = rename_call(session.directory, selection).applications
    chosen = applications.get(selection.choice.organization)
    pairs = [("Chosen as Lead Partner", chosen.name if chosen else selection.choice.organization)]
    return Section("The choice", pairs=pairs, text=selection.choice.reasons)


def _next_contact(_: Session, task: Task) -> Section | None:
    asked = task.record.facts.next_contact
    if asked is None:
        return None
    pairs: Pairs = [("New contact", f"{asked.name}, {asked.email}")]
    text = "The contact gets all messages about the partnership, and speaks and signs for the Lead Partner."
    return Section("What you are asked to become", pairs=pairs, text=text)


def _end(_: Session, task: Task) -> Section | None:
    ended, ending = task.record.facts.ended, task.record.facts.ending
    if ended is None and ending is not None:
        pairs: Pairs = [("In effect on", long_day(ending.effective_on))]
        pairs += [("Ground", READABLE[ending.ground])] if ending.ground else []
        return Section("The termination that is to take effect", pairs=pairs, text=ending.reason or "")
    if ended is None:
        return None
    pairs = [("How it ended", ended.how), ("In effect on", long_day(ended.effective_on))]
    if ended.ground:
        pairs.append(("Ground", READABLE[ended.ground]))
    return Section("How the partnership ended", pairs=pairs, text=ended.reason or "")


SECTIONS: Mapping[str, Callable[[Session, Task], Section | None]] = {
    "statement": _statement,
    "scores": _scores,
    "choice": _choice,
    "protests": _protests,
    "questions": _questions,
    "terms": _terms,
    "outcomes": _outcomes,
    "item": _item,
    "report": _report,
    "findings": _findings,
    "end": _end,
    "next-contact": _next_contact,
}

# The table of the law names its reading. A wrong name must fail when the program starts, not when a page is shown.
if _missing := [
    f"the form of {row.name} reads {name!r}, which actions/briefing does not have"
    for row in TABLE
    for name in row.form.reads
    if name not in SECTIONS
]:
    raise TableError(_missing)
