"""Prints what a person reads before they act: terms, outcomes, scores, and the applications to score."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from states.chapters.scoring import SCORE_APPLICATION
from states.inputs import ABILITIES
from workflow.actions import briefing, choices
from workflow.admin.console import Console
from workflow.admin.menu import Deed
from workflow.admin.terminal import echo
from workflow.session import Session
from workflow.views.applications import texts_for


def print_reading(console: Console, here: Session, deed: Deed, now: datetime) -> None:
    """Print what a person should read before they act, such as the terms that they agree to."""
    for section in briefing.collect_sections(here, deed):
        echo(f"\n{section.title}")
        _print_pairs(section.pairs, "  ")
        for label, entries in section.lists:
            echo(f"  {label}:")
            for entry in entries:
                echo(f"    - {entry}")
        for card in section.cards:
            echo(f"  {card.title}")
            _print_pairs(card.pairs, "    ")
            if card.text:
                echo(f"    {card.text}")
        for grid in section.grids:
            echo(f"\n{grid.caption}")
            console.show_table(grid.columns, grid.rows, "None.")
        if section.text:
            echo(f"  {section.text}")
    if deed.event.name == SCORE_APPLICATION:
        _print_applications(here, deed, now)


def _print_applications(here: Session, deed: Deed, now: datetime) -> None:
    """Print what the applications say that the person may score, before they score them."""
    texts = texts_for(here, deed.record, deed.viewer, now)
    for application in choices.applications_without_conflict(here, deed, now):
        text = texts[application.organization]
        echo(f"\nThe application of {application.name}")
        for ability in ABILITIES:
            echo(f"  {ability.replace('-', ' ').capitalize()}:\n    {text.abilities.get(ability, '')}")
        if text.demonstration:
            echo(f"  Ability to serve:\n    {text.demonstration}")


def _print_pairs(pairs: Sequence[tuple[str, str]], indent: str) -> None:
    for label, value in pairs:
        echo(f"{indent}{label}: {value}")
