"""Defines how the public asks about an open call and staff answer, all of it on the page of the call (4270.8)."""

from pydantic import Field, StrictBool

from states.case import Case
from states.chapters.call import call_open, change_call, of_call
from states.event import OPEN, PUBLIC, STAFF, Audience, Event, Form, Scope, Sees, requirement
from states.inputs import Count, Input, Text
from states.partnership import Partnership
from states.selection import Question

LONGEST_QUESTION, LONGEST_ANSWER = 2_000, 5_000  # characters


class AskQuestion(Input):
    text: Text = Field(title="Your question", description="the question, as everybody will read it")


class AnswerQuestion(Input):
    question: Count = Field(title="Question", description="the number of the question")
    text: Text = Field(title="Answer", description="the answer, as everybody will read it")
    withhold: StrictBool = Field(
        default=False,
        title="Keep the question off the page?",
        description="yes for a question that is not about the call or names people; its answer stands alone",
    )


@requirement("4270.8", of_input=True)
def question_short_enough(case: Case) -> str | None:
    length = len(case.input.text)
    if length <= LONGEST_QUESTION:
        return None
    return f"the question has {length:,} characters; at most {LONGEST_QUESTION:,} are possible"


@requirement("4270.8", of_input=True)
def answer_short_enough(case: Case) -> str | None:
    length = len(case.input.text)
    if length <= LONGEST_ANSWER:
        return None
    return f"the answer has {length:,} characters; at most {LONGEST_ANSWER:,} are possible"


@requirement("4270.8")
def question_on_record(case: Case) -> str | None:
    return None if case.selection.questions else "nobody has asked a question about this call"


@requirement("4270.8", of_input=True)
def question_was_asked(case: Case) -> str | None:
    asked = len(case.selection.questions)
    if not asked or 1 <= case.input.question <= asked:
        return None  # `question_on_record` refuses the first
    return f"there is no question {case.input.question}; the questions have the numbers 1 to {asked}"


def ask_question(case: Case) -> Partnership:
    question = Question(text=case.input.text, at=case.at)
    return change_call(case, questions=(*case.selection.questions, question))


def answer_question(case: Case) -> Partnership:
    values, questions = case.input, list(case.selection.questions)
    # A new answer replaces the earlier one. The history keeps both.
    questions[values.question - 1] = questions[values.question - 1].but(
        answer=values.text, answered_at=case.at, withheld=values.withhold
    )
    return change_call(case, questions=tuple(questions))


def _of_everybody(*fields: str) -> Audience:
    """Return the audience of an event that stands on the page of the call."""
    return {**of_call(*fields), PUBLIC: Sees(Scope.ALWAYS, fields)}


EVENTS = (
    Event(
        name="ask-question",
        at=(OPEN,),
        who=(PUBLIC,),
        takes=AskQuestion,
        records=ask_question,
        needs=(call_open, question_short_enough),
        # What was asked is read from the facts, which leave out what staff keep off the page.
        audience=_of_everybody(),
        public=True,
        optional=True,
        repeatable=True,
    ),
    Event(
        name="answer-question",
        at=(OPEN,),
        who=(STAFF,),
        takes=AnswerQuestion,
        records=answer_question,
        needs=(call_open, question_on_record, question_was_asked, answer_short_enough),
        audience=_of_everybody("question", "text", "withhold"),
        public=True,
        awaited_since="selection.question_waits",
        repeatable=True,
        form=Form(reads=("questions",), choices={"question": "questions"}),
    ),
)
