"""Weighs an agreement with all others of its organization, which may be split over schools or steps (4270.9)."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from states.addresses import workplace
from states.agreement import Agreement
from states.case import BoardRules, Earlier, anniversary, board_reasons
from states.fact import Fact
from states.partnership import Partnership

# Words in which a partner gets autonomy although no field of the draft says so (4270.9b).
_AUTONOMY = re.compile(
    r"autonom|independen|self[- ]?(?:govern|manag|direct|determin|rul)|discretion|on (?:its|their) own"
    r"|without (?:\w+ ){0,4}(?:approval|consent|permission|oversight|supervision)"
    r"|(?:sole|full|final|exclusive) (?:\w+ )?(?:authority|control|responsibility|say|decision)"
    r"|decid\w* (?:alone|itself|themselves|freely)|exempt|waive",
    re.IGNORECASE,
)
_COMPANY = frozenset({"inc", "llc", "ltd", "co", "corp", "incorporated", "corporation", "the", "nonprofit"})


class Party(Fact):
    """What tells which organization is the partner: its id, its name, and the address of its contact."""

    id: str | None
    name: str
    email: str | None


class Share(Fact):
    """One agreement of an organization, with what it comes to if a change that waits is approved."""

    ref: str
    school: str
    amount_cents: int
    starts_on: date
    ends_on: date


class Weighed(Fact):
    """What somebody who decides on an agreement has to know besides its terms.

    `clauses` are those of 4270.9 that hold for all shares together.
    """

    autonomy: tuple[str, ...]
    shares: tuple[Share, ...]
    amount_cents: int
    starts_on: date
    ends_on: date
    threshold_cents: int
    clauses: tuple[str, ...]


def party_of(facts: Partnership) -> Party | None:
    """Return the organization that was chosen, as the record names it; None before a choice."""
    call = facts.selection
    if call is None or call.choice is None:
        return None
    application = call.applications.get(call.choice.organization)
    email = facts.contact.email if facts.contact else None
    return Party(
        id=call.choice.organization,
        name=application.name if application else call.choice.organization,
        email=email or (application.contact_email if application else None),
    )


class Traits(NamedTuple):
    """What two parties that are one organization have in common: at least one of these."""

    id: str | None
    name: str  # without differences of case, accents, punctuation and legal form
    domain: str | None  # the mail domain of its contact, unless it is a provider of mail for everybody


def traits_of(party: Party) -> Traits:
    """Return the traits by which `is_same` compares a party."""
    return Traits(party.id, _fold(party.name), workplace(party.email) if party.email else None)


def is_same(one: Party, other: Party, home: Iterable[str]) -> bool:
    """Return whether two parties are one organization: by id, by name, or by a mail domain of its own.

    `home` are the mail domains of the district, which tell nothing.
    """
    its, others = traits_of(one), traits_of(other)
    if its.id == others.id or its.name == others.name:
        return True
    return its.domain is not None and its.domain not in home and its.domain == others.domain


@lru_cache(maxsize=4096)
def _fold(name: str) -> str:
    """Return a name without differences of case, accents, blanks, punctuation and legal form."""
    # The name is kept with each partnership, so another rule needs an upgrade of the database.
    plain = unicodedata.normalize("NFKD", name).casefold()
    words = re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)).replace(".", ""))
    return " ".join(word for word in words if word not in _COMPANY) or plain


def share_of(ref: str, facts: Partnership) -> Share | None:
    """Return the agreement of a partnership as a share; None without one, or if it ended before it began.

    Its amount counts in full, also if it ended early: 4270.9a looks at what was agreed, and the record holds no
    payments. So nobody gets below the threshold by ending an agreement and making it anew. Its term counts to the
    day on which it really ended (4270.9c), and a change that waited then counts no more.
    """
    agreement, item, last = facts.agreement, facts.board.item, facts.last_day
    if agreement is None or last is None or (facts.ended and facts.ended.how == "withdrawn"):
        return None
    if facts.ended:
        if last < agreement.starts_on or not agreement.in_force_at:
            return None
        return Share(
            ref=ref,
            school=facts.school,
            amount_cents=agreement.amount_cents,
            starts_on=agreement.starts_on,
            ends_on=last,
        )
    change = item.change if item and item.change else agreement.pending
    return Share(
        ref=ref,
        school=facts.school,
        amount_cents=max(agreement.amount_cents, change.amount_cents if change else 0),
        starts_on=agreement.starts_on,
        ends_on=max(agreement.ends_on, change.ends_on) if change else last,
    )


def find_earlier(own: Agreement, shares: Sequence[Share]) -> Earlier | None:
    """Return what counts with an agreement, of shares that were in force at its school; None if nothing does.

    It counts if no more than a year lies between the two terms (4270.9a, c).
    """
    near = sorted(_near(own.starts_on, own.ends_on, shares), key=lambda share: share.ref)
    if not near:
        return None
    return Earlier(
        refs=tuple(share.ref for share in near),
        amount_cents=sum(share.amount_cents for share in near),
        starts_on=min(share.starts_on for share in near),
        ends_on=max(share.ends_on for share in near),
    )


def _near(first: date, last: date, shares: Sequence[Share]) -> list[Share]:
    """Return the shares whose terms lie within the days from `first` to `last`, or a year before or after."""
    return [
        each
        for each in shares
        if anniversary(each.ends_on, 1) >= first and each.starts_on <= anniversary(last, 1)
    ]


def weigh(agreement: Agreement, own: Share, others: Sequence[Share], rules: BoardRules) -> Weighed:
    """Return an agreement weighed with those of the same organization in its term, or a year before or after it."""
    near = _near(own.starts_on, own.ends_on, others)
    shares = (own, *sorted(near, key=lambda share: (share.starts_on, share.ref)))
    amount = sum(share.amount_cents for share in shares)
    first, last = min(share.starts_on for share in shares), max(share.ends_on for share in shares)
    whole = agreement.but(starts_on=first, approval=None)
    return Weighed(
        autonomy=autonomy_in_words(agreement),
        shares=shares,
        amount_cents=amount,
        starts_on=first,
        ends_on=last,
        threshold_cents=rules.threshold_cents,
        clauses=board_reasons(whole, rules, amount, last),
    )


def autonomy_in_words(agreement: Agreement) -> tuple[str, ...]:
    """Return the responsibilities and terms of an agreement that speak of autonomy (4270.9b)."""
    changes = [*agreement.changes, *((agreement.pending,) if agreement.pending else ())]
    texts = [*agreement.responsibilities, *(change.terms or "" for change in changes)]
    return tuple(dict.fromkeys(text for text in texts if _AUTONOMY.search(text)))
