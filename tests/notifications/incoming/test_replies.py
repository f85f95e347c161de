"""An incoming message is read for what it is: whose words, to which notice, or why it is no answer at all."""

from __future__ import annotations

import time
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifications.incoming.original import Original
from notifications.incoming.quoting import Surroundings, find_own_words, normalize
from notifications.incoming.replies import Incoming, add_words, read

CODE = "abcdefghijklmnop"
TO = f"partnerships+12-{CODE}@example.org"
OFFICE = "Partnership Office <partnerships@example.org>"
OURS = "0123456789abcdef0123456789abcdef"
BODY = "agree\r\n\r\nIt is right.\r\n"
HEADERS = {
    "From": "Principal <principal@example.org>",
    "To": f"Partnership Office <{TO}>",
    "Subject": "Re: Please agree to the needs",
    "Message-ID": "<one@example.org>",
    "In-Reply-To": f"<{OURS}@example.org>",
}


def message(body: str = BODY, *more: str, **changes: str | None) -> bytes:
    """A message of the principal; a header is changed by its name with _ for -, or left out with None."""
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([*more, *lines, "", body]).encode()


def test_an_answer_is_read_for_its_writer_its_notice_and_its_words():
    found = read(message())
    assert (found.to, found.sender, found.doubt) == ((TO,), "principal@example.org", None)
    assert (found.message_id, found.answers) == ("<one@example.org>", (f"<{OURS}@example.org>",))
    assert (found.words.first, found.words.below) == ("agree", "It is right.")
    assert found.words.text == "agree\n\nIt is right."
    assert (found.automatic, found.bounce, found.passed_on, found.calendar) == (None, None, None, False)


@pytest.mark.parametrize("header", ["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"])
def test_the_notice_is_known_from_any_line_that_names_its_address(header):
    plain_to = {} if header == "To" else {"To": OFFICE}
    assert read(message(**plain_to, **{header: TO.upper()})).to == (TO,)


def test_an_address_that_names_no_notice_is_none_of_ours():
    assert read(message(To=OFFICE)).to == ()
    assert read(message(To="partnerships+news@example.org")).to == ()


# What people write, as their mail programs send it: the text, and the line and the text below that are theirs.
QUOTED = "> WHAT HAPPENED\n>\n> Please write agree or no.\n"
OUTLOOK = (
    "From: Partnership Office <partnerships@example.org>\nSent: Tuesday, July 8, 2025 9:00 AM\n"
    "To: Principal <principal@example.org>\nSubject: Please agree\n\nWHAT HAPPENED\n\nPlease write no.\n"
)
WRITTEN = {
    "nothing quoted": ("agree\n", "agree", ""),
    "blank lines first": ("\n\n  agree\n", "agree", ""),
    "gmail": (
        "agree\n\nFine with us.\n\nOn Tue, Jul 8, 2025 at 9:00 AM Partnership Office <\n"
        f"partnerships@example.org> wrote:\n\n{QUOTED}",
        "agree", "Fine with us.",
    ),
    "gmail in spanish": (
        "agree\n\nEl mar, 8 jul 2025 a las 9:00, Partnership Office (<partnerships@example.org>)\nescribió:\n\n"
        + QUOTED,
        "agree", "",
    ),
    "outlook on the web": (f"Agree\n\nAll good.\n{'_' * 32}\n{OUTLOOK}", "Agree", "All good."),
    "outlook on a desk": (f"no\n\nToo early.\n\n{OUTLOOK}", "no", "Too early."),
    "outlook in spanish": (
        "agree\n\nDe: Partnership Office\nEnviado: martes, 8 de julio de 2025 9:00\nPara: Principal\n"
        "Asunto: Por favor\n\nno\n",
        "agree", "",
    ),
    "old outlook": (f"agree\n\n-----Original Message-----\n{OUTLOOK}", "agree", ""),
    "outlook on a phone": (
        f"Agree\n\nGet Outlook for Android<https://aka.ms/AAb9ysg>\n{'_' * 32}\n{OUTLOOK}", "Agree", "",
    ),
    "apple mail": (f"Agree\n\n> On Jul 8, 2025, at 9:00 AM, Partnership Office wrote:\n>\n{QUOTED}", "Agree", ""),
    "iphone": (
        f"Agree\n\nSent from my iPhone\n\n> On Jul 8, 2025, at 9:00 AM, Office wrote:\n{QUOTED}", "Agree", "",
    ),
    "yahoo": (
        "agree\n\nOn Tuesday, July 8, 2025 at 09:00:00 AM PDT, Partnership Office <partnerships@example.org> wrote:"
        "\n\nWHAT HAPPENED\n\nno\n",
        "agree", "",
    ),
    "below the quotation": (
        f"On 7/8/25 9:00, Partnership Office wrote:\n{QUOTED}\nno\n\nNot yet.\n", "no", "Not yet.",
    ),
    "between its lines": (
        f"no\n\nOn 7/8/25 9:00, Office wrote:\n{QUOTED}\nThis is wrong.\n> and so on\n", "no", "This is wrong.",
    ),
    "a list": (
        "no\n\nBecause:\n- it is late\n- it is dear\n\nThanks,\nJane",
        "no", "Because:\n- it is late\n- it is dear",
    ),
    "a signature": ("no\n\nToo late.\n-- \nJane\nPrincipal", "no", "Too late."),
    "thanks that say something": (
        "no\n\nThank you, but the baseline is wrong.\nSo is the target.\n\nBest regards,\nJane",
        "no", "Thank you, but the baseline is wrong.\nSo is the target.",
    ),
    "a first line that says more": ("I agree with most of it.\n", "I agree with most of it.", ""),
    "a signature first": ("Sent from my iPhone\nagree\n", "Sent from my iPhone", "agree"),
    "only a quotation": (f"On 7/8/25 9:00, Office wrote:\n{QUOTED}", "", ""),
    "characters nobody sees": ("\u200bagree\u00a0\u200e\n\x07\n", "agree", ""),
}  # fmt: skip


AROUND = Surroundings(
    Original(["WHAT HAPPENED\n\nPlease write no."], ["Partnership Office", "partnerships@example.org"])
)


@pytest.mark.parametrize("way", WRITTEN)
def test_only_what_the_writer_wrote_is_read_whatever_the_mail_program(way):
    text, first, below = WRITTEN[way]
    for ends in ("\n", "\r\n"):
        incoming = read(message(text.replace("\n", ends), Content_Type="text/plain; charset=utf-8"))
        found = add_words(incoming, AROUND).words
        assert (found.first, found.below) == (first, below)


@pytest.mark.parametrize(
    "line",
    [
        "agree",
        "Agree.",
        " AGREE! ",
        "*agree*",
        "**Agree**",
        "“agree”",
        '"agree"',
        "`agree`",
        "> agree",
        "- agree",
    ],
)
def test_a_word_counts_without_what_stands_around_it(line):
    assert normalize(line) == "agree"


@pytest.mark.parametrize("line", ["I agree", "agree not", "dis-agree", "agree/no", "agree, but", ""])
def test_a_line_that_says_anything_else_is_no_word(line):
    assert normalize(line) != "agree"


HTML = {
    "gmail": '<div dir="ltr">agree<div><br></div></div><div class="gmail_quote"><div class="gmail_attr">On Tue, '
    "Jul 8, 2025 Partnership Office &lt;partnerships@example.org&gt; wrote:<br></div>"
    "<blockquote><p>no</p></blockquote>",
    "outlook": '<html><head><style>p {}</style></head><body><p>agree</p><div id="divRplyFwdMsg"><b>From:</b> Office'
    "</div><div>no</div></body></html>",
    "paragraphs": "<p>agree</p><p></p><blockquote>no<blockquote>no</blockquote>no</blockquote>",
    "broken": "<p>agree<script>no</script></blockquote><blockquote><p>no",
}


@pytest.mark.parametrize("way", HTML)
def test_of_a_message_that_is_only_html_what_it_shows_is_read(way):
    found = read(message(HTML[way], Content_Type="text/html; charset=utf-8")).words
    assert (found.first, found.below) == ("agree", "")


def test_plain_text_goes_before_html_however_deep_it_lies_and_files_are_named():
    made = EmailMessage()
    made["From"], made["To"] = "principal@example.org", TO
    made.set_content("agree\n")
    made.add_alternative("<p>no</p>", subtype="html")
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="plan.pdf")
    found = read(bytes(made))
    assert (found.words.first, found.files) == ("agree", ("plan.pdf",))


FROM = {
    "it has no From line": None,
    "its From line names no address": "Principal",
    "its From line names several addresses": "principal@example.org, staff@example.org",
}


@pytest.mark.parametrize("doubt", FROM)
def test_a_message_without_one_clear_sender_has_none(doubt):
    found = read(message(From=FROM[doubt]))
    assert (found.sender, found.doubt) == (None, doubt)


@pytest.mark.promise("proven-sender")
@pytest.mark.parametrize(
    "line",
    [
        "principal@example.org <evil@example.net>",
        "<principal@example.org> <evil@example.net>",
        "a@b.example@example.org",
    ],
)
def test_a_from_line_that_can_be_read_in_two_ways_is_not_believed(line):
    found = read(message(From=line))
    assert found.sender != "principal@example.org"
    assert found.doubt or found.sender is None


@pytest.mark.parametrize(
    "line",
    [
        '"principal@example.org"',
        "<principal@example.org",
        "group: principal@example.org;",
        "principal@example.org,",
    ],
)
def test_a_from_line_that_is_not_well_formed_names_nobody(line):
    found = read(message(From=line))
    assert (found.sender, found.doubt) == (None, "its From line is not well formed")


@pytest.mark.parametrize(
    "line",
    [
        "principal@example.org",
        "<principal@example.org>",
        '"Doe, Jane (school)" <principal@example.org>',
        "Doe, Jane: principal <principal@example.org>",
        "=?utf-8?q?Jos=C3=A9?= <principal@example.org> (away)",
        "principal@example.org (Jane Doe)",
    ],
)
def test_a_from_line_as_mail_programs_write_it_names_its_sender(line):
    found = read(message(From=line))
    assert (found.sender, found.doubt) == ("principal@example.org", None)


def test_an_address_in_a_name_is_only_a_name():
    found = read(message(From='"principal@example.org" <evil@example.net>'))
    assert (found.sender, found.doubt) == ("evil@example.net", None)


def test_two_from_lines_are_nobody():
    found = read(message(BODY, "From: staff@example.org"))
    assert (found.sender, found.doubt) == (None, "it has several From lines")


def test_a_sender_line_that_differs_is_a_doubt_and_one_that_does_not_is_none():
    assert read(message(Sender="assistant@example.org")).doubt
    assert read(message(Sender="Principal <PRINCIPAL@example.org>")).doubt is None


@pytest.mark.parametrize(
    "changes",
    [
        {"Auto_Submitted": "auto-replied"}, {"Auto_Submitted": "auto-generated; x=y"}, {"Precedence": "bulk"},
        {"Precedence": "auto_reply"}, {"Precedence": "junk"}, {"Precedence": "list"}, {"X_Autoreply": "yes"},
        {"X_Autorespond": "yes"}, {"List_Id": "<news.example.org>"}, {"Return_Path": "<>"},
        {"Subject": "Automatic reply: Please agree"}, {"Subject": "Out of Office: until Monday"},
        {"Subject": "Respuesta automática: Please agree"}, {"Subject": "Fuera de la oficina"},
        {"Subject": "=?utf-8?q?Respuesta_autom=C3=A1tica=3A_x?="},
        {"Subject": "Jane is out of office", "X_Auto_Response_Suppress": "All"},
    ],
)  # fmt: skip
def test_an_answer_that_nobody_wrote_in_person_says_why(changes):
    assert read(message(**changes)).automatic


@pytest.mark.parametrize(
    "changes", [{"Auto_Submitted": "no"}, {"Precedence": "normal"}, {"X_Auto_Response_Suppress": "All"},
                {"Return_Path": "<principal@example.org>"}, {"Subject": "Re: the office is out of paper"}],
)  # fmt: skip
def test_an_answer_of_a_person_is_none(changes):
    assert read(message(**changes)).automatic is None


def test_a_person_called_postmaster_who_answers_is_no_report():
    assert read(message(From="postmaster@example.org", Return_Path="<postmaster@example.org>")).bounce is None


@pytest.mark.promise("only-the-person-asked")
@pytest.mark.parametrize(
    ("body", "changes"),
    [
        (BODY, {"Resent_From": "principal@example.org"}),
        (BODY, {"Subject": "Fwd: Please agree"}),
        (BODY, {"Subject": "RV: Please agree"}),
        ("---------- Forwarded message ---------\nFrom: Office\nDate: x\nTo: y\n\nagree\n", {}),
        ("\nBegin forwarded message:\n\nFrom: Office\n\nagree\n", {}),
        ('--x\nContent-Type: text/plain\n\nagree\n--x\nContent-Type: message/rfc822\n\n'
         'From: a@example.org\n\nagree\n--x--',
         {"Content_Type": 'multipart/mixed; boundary="x"'}),
    ],
)  # fmt: skip
def test_another_message_passed_on_is_told_from_an_answer(body, changes):
    assert read(message(body, **changes)).passed_on


@pytest.mark.parametrize("method", ["; method=REPLY", ""])
def test_an_answer_to_an_invitation_is_one(method):
    body = f"--x\nContent-Type: text/calendar{method}\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nEND:VCALENDAR\n--x--"
    assert read(message(body, Content_Type='multipart/alternative; boundary="x"')).calendar
    assert not read(message()).calendar


MX = "mx.example.org"
# Whatever comes

LINES = st.sampled_from(
    ["From: a@example.org", "From:", "To: " + TO, "Content-Type: multipart/mixed; boundary=x", "--x", "--x--",
     "",
     "Content-Type: text/html; charset=zip", "Content-Type: message/rfc822",
     "Content-Type: message/delivery-status",
     "Content-Transfer-Encoding: base64", "Content-Disposition: attachment; filename*=utf-9''%ff", "=?x?b?//?=",
     "> a",
     "Content-Type: text/calendar; method*0*=a", "On 1 wrote:", "<blockquote><", "&#xfffffff;", "Status: 5.1.1",
     "Authentication-Results: mx.example.org; dmarc=", "From: =?utf-8?q?=ff?= <\x00@[1]>",
     "Subject: =?utf-8?b?=00?="]
)  # fmt: skip


@given(st.lists(st.one_of(LINES, st.text(max_size=40)), max_size=30), st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=400, deadline=None)
def test_no_message_of_mail_like_lines_raises(lines, end):
    assert isinstance(read(end.join(lines).encode("utf-8", "surrogatepass"), MX), Incoming)


@given(st.binary(max_size=400))
@settings(max_examples=400, deadline=None)
def test_no_bytes_raise(raw):
    assert isinstance(read(raw, MX), Incoming)
    assert isinstance(read(message() + raw, MX), Incoming)


@given(st.text(max_size=300))
@settings(max_examples=300, deadline=None)
def test_nothing_is_read_that_was_not_written(text):
    words = find_own_words(text)
    assert "\n" not in words.first
    assert not words.first.startswith(">")


def nested(depth: int) -> bytes:
    parts = (f'Content-Type: multipart/mixed; boundary="b{n}"\n\n--b{n}\n' for n in range(depth))
    return b"From: principal@example.org\n" + "".join(parts).encode()


HARD = {
    "empty": b"",
    "nested a thousand deep": nested(1000),
    "a line of a million": b"From: a@example.org\n\n" + b"On " + b"a " * 500_000,
    "a million lines": b"From: a@example.org\n\nx" + b"\n" * 1_000_000 + b"y",
    "headings without end": b"From: a@example.org\n\nx\n" + b"On Tue 1, a@b wrote\n" * 50_000,
    "headers of Outlook without end": b"From: a@example.org\n\nx\n" + b"From: a\nSent: b\n" * 50_000,
    "a From line without end": b"From: " + b"<a@example.org>, " * 50_000 + b"\n\nx",
    "comments in comments": b"From: " + b"(" * 50_000 + b"\n\nx",
    "tags without end": b"Content-Type: text/html\n\n" + b"<p <a " * 50_000,
    "references without end": b"References: " + b"<a@b> " * 100_000 + b"\n\nx",
}  # fmt: skip


@pytest.mark.parametrize("what", HARD)
def test_nothing_takes_long(what):
    began = time.process_time()
    read(HARD[what], MX)
    assert time.process_time() - began < 5
