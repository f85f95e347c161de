"""Words of ours, links of ours and words that nobody meant try to get on record through an answer by mail."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.district import Begin, Life
from tests.support.letters import answer, asked_for_needs, comes, got, replies

CASES = Path(__file__).parent.parent / "cases"
OFFICE = "Partnership Office <partnerships@example.org>"
ROSE = "yes\n\nAttendance rose.\n\n"


def asked_for_finding(begin: Begin) -> tuple[Life, EmailMessage]:
    life = begin("reported")
    return life, got(life, "submit-report", "principal")


def plain(asked: EmailMessage) -> str:
    part = asked.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html(asked: EmailMessage) -> str:
    part = asked.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def case(name: str, asked: EmailMessage) -> bytes:
    """A message of tests/cases, as an answer to this one."""
    text = (CASES / name).read_bytes()
    values = {
        "THE WHOLE TEXT OF THE MESSAGE ANSWERED, WITHOUT MARKS": plain(asked), "PERSON": str(asked["To"]),
        "REPLY-TO": str(asked["Reply-To"]), "SUBJECT": str(asked["Subject"]),
        "MESSAGE-ID": str(asked["Message-ID"]), "UNIQUE": name,
    }  # fmt: skip
    for key, value in values.items():
        text = text.replace(f"@{key}@".encode(), value.encode())
    return text


def written(asked: EmailMessage, body: str, kind: str = "plain", name: str = "written") -> bytes:
    """An answer with exactly this body."""
    made = EmailMessage()
    made["From"], made["To"] = asked["To"], str(asked["Reply-To"])
    made["Subject"], made["Message-ID"] = f"Re: {asked['Subject']}", f"<{name}@example.org>"
    made.set_content(body, subtype=kind, cte="base64")
    return bytes(made)


def reasons(life: Life) -> str | None:
    finding = life.facts.review.findings.get("school") if life.facts.review else None
    return finding.reasons if finding else None


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("reply-groupwise.eml", "Attendance rose."),
        ("reply-danish-outlook.eml", "Attendance rose."),
        ("reply-portuguese-gmail-heading-only.eml", None),
        ("reply-windows-mail-signature-only.eml", None),
        ("reply-warning-above.eml", "Attendance rose."),
        ("reply-iso-8859-1-that-is-windows-1252.eml", "We won’t stop."),
        ("reply-text-part-with-a-name.eml", "Attendance rose."),
        ("reply-smime-opaque.eml", "Attendance rose."),
    ],
)
def test_only_the_persons_own_words_are_recorded(begin, name, recorded):
    life, asked = asked_for_finding(begin)
    judged = comes(life, case(name, asked))
    assert (judged.verdict, reasons(life)) == ("done" if recorded else "refused", recorded)
    if not recorded:
        assert life.told("reply-refused") == ["principal"]


def test_a_message_of_the_person_asked_that_came_by_a_list_is_shown_to_staff(begin):
    life, asked = asked_for_finding(begin)
    comes(life, case("reply-precedence-list.eml", asked))
    assert "Attendance rose." in plain(got(life, "reply-note", "staff"))


def test_a_server_that_gave_up_has_failed_for_good(begin):
    life, asked = asked_for_finding(begin)
    assert comes(life, case("report-postfix-gave-up.eml", asked)).verdict == "bounce"
    assert life.told("address-failed") == ["staff"]


HEADINGS = {
    "german": f"Von: {OFFICE}\nGesendet: Dienstag, 3. November 2026 09:00\nAn: Principal\nBetreff: SUBJECT\n\n",
    "thunderbird in german": "Am 03.11.26 um 09:00 schrieb Partnership Office:\n\n",
    "portuguese": f"De: {OFFICE}\nEnviada em: 3 de novembro de 2026\nPara: Principal\nAssunto: SUBJECT\n\n",
    "japanese": f"2026年11月3日(火) 9:00 {OFFICE}:\n\n",
    "japanese outlook": f"差出人: {OFFICE}\n送信日時: 2026年11月3日 9:00\n宛先: Principal\n件名: SUBJECT\n\n",
    "spanish": "El mar, 3 nov 2026 a las 9:00, Partnership Office (<\npartnerships@example.org>) escribió:\n\n",
    "yahoo in german": f" Am Dienstag, 3. November 2026 um 09:00:00 MEZ hat {OFFICE} Folgendes geschrieben: \n\n",
    "lotus notes": 'From:        "Partnership Office" <partnerships@example.org>\nTo:        Principal\n'
    "Date:        11/03/2026 09:00\nSubject:        SUBJECT\n\n",
    "old german outlook": "-----Ursprüngliche Nachricht-----\nVon: Partnership Office\nGesendet: 3.11.\n"
    "Betreff: SUBJECT\n\n",
    "without a heading": "",
}  # fmt: skip
SHAPES = {
    "as it is": lambda text: text,
    "marked": lambda text: "".join(f"> {line}\n" for line in text.splitlines()),
    "wrapped anew": lambda text: "\n".join(
        re.sub(r"(.{1,40}) ", r"\1\n", " ".join(part.split())) for part in text.split("\n\n")
    ),
    "on long lines": lambda text: "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")),
    "one word a line": lambda text: "\n".join(text.split()),
    "with bars": lambda text: "".join(f"| {line}\n" for line in text.splitlines()),
    "with initials": lambda text: "".join(f"PO> {line}\n" for line in text.splitlines()),
    "in capitals": lambda text: text.upper(),
    "without accents and quotes": lambda text: text.replace('"', "“").encode("ascii", "ignore").decode(),
}


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("heading", HEADINGS)
def test_nothing_of_the_message_answered_gets_on_record_however_it_is_quoted(begin, heading, shape):
    life, asked = asked_for_finding(begin)
    above = HEADINGS[heading].replace("SUBJECT", str(asked["Subject"]))
    assert comes(life, written(asked, ROSE + above + SHAPES[shape](plain(asked)))).verdict == "done"
    assert reasons(life) == "Attendance rose."


ABOVE = {
    "groupwise": ">>> Partnership Office <partnerships@example.org> 11/3/2026 9:00 AM >>>\n",
    "gmail": "On Tue, Nov 3, 2026 at 9:00 AM Partnership Office <partnerships@example.org> wrote:\n\n",
    "old outlook": "-----Original Message-----\nFrom: Partnership Office\nSent: 3.11.\nTo: A\nSubject: B\n\n",
    "nothing": "",
}


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize("heading", ABOVE)
@pytest.mark.parametrize("shape", ["as it is", "marked"])
@pytest.mark.parametrize("place", [6, 99])
def test_an_answer_between_or_below_our_words_is_read_without_them(begin, heading, shape, place):
    life, asked = asked_for_finding(begin)
    paragraphs = SHAPES[shape](plain(asked)).split("> \n" if shape == "marked" else "\n\n")
    above, below = "\n\n".join(paragraphs[:place]), "\n\n".join(paragraphs[place:])
    assert comes(life, written(asked, f"{ABOVE[heading]}{above}\n\n{ROSE}{below}")).verdict == "done"
    assert reasons(life) == "Attendance rose."


@pytest.mark.promise("own-words-only")
def test_a_signature_below_the_quotation_is_no_reason(begin):
    life, asked = asked_for_finding(begin)
    below = "\n\n-- \nThe school\n12 Main Street"
    assert comes(life, written(asked, f"{ROSE}{SHAPES['marked'](plain(asked))}{below}")).verdict == "done"
    assert reasons(life) == "Attendance rose."


def without_length(tag: int, *pieces: bytes) -> bytes:
    """An element of X.690, 8.1.3.6: it ends with two zero bytes, and its length is not written."""
    return bytes([tag, 0x80]) + b"".join(pieces) + b"\0\0"


@pytest.mark.promise("own-words-only")
def test_a_signed_message_whose_elements_have_no_length_is_read(begin):
    life, asked = asked_for_finding(begin)
    text = b"Content-Type: text/plain\r\n\r\nyes\r\n\r\nAttendance rose.\r\n"
    octets = [b"\x04" + bytes([len(piece)]) + piece for piece in (text[:40], text[40:])]
    signed, data = (bytes.fromhex(f"06092a864886f70d01070{n}") for n in "21")
    content = without_length(0x30, data, without_length(0xA0, without_length(0x24, *octets)))
    inner = without_length(0x30, b"\x02\x01\x01", b"\x31\x00", content, b"\x31\x00")
    made = EmailMessage()
    made["From"], made["To"], made["Message-ID"] = asked["To"], str(asked["Reply-To"]), "<signed@example.org>"
    whole = without_length(0x30, signed, without_length(0xA0, inner))
    made.set_content(whole, "application", "pkcs7-mime", params={"smime-type": "signed-data"})
    assert comes(life, bytes(made)).verdict == "done"
    assert reasons(life) == "Attendance rose."


PAGES = {
    "divs": "<div>yes</div><div><br></div><div>Attendance rose.</div><div>Von: Partnership Office &lt;"
    "partnerships@example.org&gt;<br>Gesendet: 3. November<br>An: Principal</div><div>QUOTED</div>",
    "blockquote": "<p>yes</p><p>Attendance rose.</p><div>Am 3.11.2026 um 9:00 schrieb Partnership Office:</div>"
    "<blockquote>QUOTED</blockquote>",
    "table": "<p>yes</p><p>Attendance rose.</p><table><tr><td>QUOTED</td></tr></table>",
}


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize("page", PAGES)
def test_nothing_of_it_gets_on_record_from_html(begin, page):
    life, asked = asked_for_finding(begin)
    assert comes(life, written(asked, PAGES[page].replace("QUOTED", html(asked)), "html")).verdict == "done"
    assert reasons(life) == "Attendance rose."


REWRITTEN = {
    "as it is": lambda url: url,
    "safelinks": lambda url: f"https://nam02.safelinks.protection.outlook.com/?url={quote(url, '')}&data=05",
    "urldefense 2": lambda url: (
        "https://urldefense.proofpoint.com/v2/url?u="
        + quote(url.replace("-", "%2D").replace("_", "%5F"), "").replace("%", "-").replace("/", "_")
    ),
    "urldefense 3": lambda url: f"https://urldefense.com/v3/__{url}__;!!abc!def$",
    "base 64": lambda url: "https://scan.example.net/?u=" + base64.urlsafe_b64encode(url.encode()).decode(),
    "encoded twice": lambda url: "https://scan.example.net/?u=" + quote(quote(url, ""), ""),
}


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize("way", REWRITTEN)
def test_no_link_of_ours_gets_on_record_however_it_was_rewritten(begin, way):
    life, asked = asked_for_finding(begin)
    links = re.findall(r"http\S+", plain(asked))
    text = "\n".join(f"See {REWRITTEN[way](link)} for it." for link in links)
    kept = f"{text}\n{asked['Reply-To']}\nhttps://docs.example.com/d/1"
    assert comes(life, written(asked, f"yes\n\n{kept}")).verdict == "done"
    lines = ["See [link] for it."] * len(links)
    assert reasons(life) == "\n".join([*lines, "[address]", "https://docs.example.com/d/1"])
    assert str(asked["Reply-To"]) not in str(replies(life)[0]["text"])


PROGRAMS = (
    "Von meinem iPhone gesendet", "Enviado do meu iPhone", "Enviado desde mi Samsung", "Sendt fra min iPhone",
    "Sent from Outlook for iOS", "Envoyé de mon iPhone", "iPhoneから送信", "Gesendet mit der GMX Mail App",
    "Hent Outlook til Android<https://aka.ms/AAb9ysg>", "Mit freundlichen Grüßen\nPrincipal", "Principal",
    "Thanks, Principal", "Best,\n\nP.", "Dr. Principal\nRainier Beach School", "Principal | Rainier Beach School",
)  # fmt: skip


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize("line", PROGRAMS)
def test_what_a_program_or_a_signature_adds_is_no_reason(begin, line):
    life, asked = asked_for_finding(begin)
    assert (
        comes(life, written(asked, f"yes\n\n{line}\n\n{HEADINGS['german']}{plain(asked)}")).verdict
        == "refused"
    )
    assert reasons(life) is None


HIDDEN = (
    "display:none", "display:none;display:", "display:/**/none", "visibility:hidden", "visibility:collapse",
    "mso-hide:all", "opacity:0", "opacity:.05", "filter:alpha(opacity=0)", "font-size:0", "font-size:1px",
    "font-size:0.1em", "font:0/0 a", "color:#fff", "color: white !important", "color:rgb(255, 255, 255)",
    "color:rgb(250 250 250 / 1)", "color:rgba(0,0,0,0)", "color:hsl(0,0%,100%)", "color:#fefefe",
    "color:transparent", "color:#123456;background-color:#123456", "color:teal;background:teal", "background:#000",
    "text-indent:-9999px", "position:absolute;left:-9999px", "max-height:0;overflow:hidden", "clip:rect(0,0,0,0)",
    "transform:scale(0)",
)  # fmt: skip
PAGES_WITHOUT_CONSENT = (
    *(f'<div style="{style}"><p>agree</p></div>' for style in HIDDEN),
    '<p style="d\\69splay:none">agree</p>', '<p style="display&#58;none">agree</p>', "<p hidden>agree</p>",
    '<p aria-hidden="true">agree</p>', "<details><summary></summary>agree</details>",
    "<font color=white>agree</font>",
    '<body bgcolor="#333"><p style="color:#333">agree</p></body>', "<template>agree</template>",
    '<p style="display:none" style="color:black">agree</p>', "<style>.a{display:none}</style><p class=a>agree</p>",
    "<style>p{text-decoration:line-through}</style><p>agree</p>", "<p><s>agree</s></p>", "<del><p>agree</p></del>",
    "<strike>agree</strike>", '<p style="text-decoration: line-through">agree</p>',
    '<div style="text-decoration-line:line-through"><p>agree</p></div>', "<blockquote>agree</blockquote>",
)  # fmt: skip
TEXTS_WITHOUT_CONSENT = (
    "agree\n\nOnly if the gaps are closed first.", "agree?", "agree...", "agree…", "~agree~", "yes, but only later",
    "agree, if the gaps are closed", "I do not agree", "agree / no", "> agree", "👍", "agree 🙁", "",
    "a\u0336g\u0336r\u0336e\u0336e\u0336", "👍\n\nPrincipal reacted via Gmail",
    "agree\n\nPrincipal reacted via Gmail",
    "[Like] Principal reacted to your message:\n\nFrom: Partnership Office <partnerships@example.org>\nSent: 3.11."
    "\n\nagree",
)  # fmt: skip
UNSURE = [(page, "html") for page in PAGES_WITHOUT_CONSENT] + [
    (text, "plain") for text in TEXTS_WITHOUT_CONSENT
]


@pytest.mark.promise("clear-consent")
def test_a_word_with_a_condition_or_a_doubt_is_no_agreement(begin):
    life = asked_for_needs(begin("needs"))
    for body, kind in UNSURE:
        # Messages of one hour are not all told.
        life.now += timedelta(hours=2)
        before = len(life.told("reply-refused")), len(life.told("reply-note"))
        comes(life, written(got(life, "describe-needs", "principal"), body, kind, f"{hash(body)}"))
        after = len(life.told("reply-refused")), len(life.told("reply-note"))
        assert after == (before[0] + 1, before[1] + 1), body
        assert life.facts.needs.signatures == {}, body


@pytest.mark.parametrize(
    "page",
    [
        '<body bgcolor="#FFFFFF" text="#000000"><p style="font-size:10px;background-color:white">agree</p></body>',
        '<p style="font: 400 12pt/0 Arial;border-color:white;opacity:1;color: rgb(0, 0, 0)">agree</p>',
        "<style>p.MsoNormal {margin:0; color:windowtext}</style><p class=MsoNormal>agree</p>",
        '<div style="background:#222"><p style="color:#fff">agree</p></div>',
    ],
)
def test_a_word_that_a_reader_sees_agrees_however_it_is_painted(begin, page):
    life = asked_for_needs(begin("needs"))
    assert comes(life, written(got(life, "describe-needs", "principal"), page, "html")).verdict == "done"


@pytest.mark.promise("clear-consent")
def test_a_reaction_of_a_mail_program_is_no_answer(begin):
    life = asked_for_needs(begin("needs"))
    made = message_from_bytes(
        written(got(life, "describe-needs", "principal"), "agree"), policy=policy.default
    )
    made.add_alternative('{"emoji": "👍", "version": 1}', subtype="vnd.google.email-reaction+json")
    assert comes(life, bytes(made)).verdict == "refused"
    assert life.facts.needs.signatures == {}
    assert life.told("reply-refused") == ["principal"]


@pytest.mark.promise("clear-consent")
@pytest.mark.parametrize(
    "page", ["<p><s>agree</s></p><p>no</p>", '<p style="display:none">agree</p><p>I do not agree.</p>']
)
def test_a_word_that_only_one_form_of_a_message_shows_is_no_agreement(begin, page):
    life = asked_for_needs(begin("needs"))
    asked = got(life, "describe-needs", "principal")
    body = f"--b\r\nContent-Type: text/plain\r\n\r\nagree\r\n--b\r\nContent-Type: text/html\r\n\r\n{page}\r\n--b--"
    head = answer(asked, "", Content_Type='multipart/alternative; boundary="b"').partition(b"\r\n\r\n")[0]
    assert comes(life, head + b"\r\n\r\n" + body.encode()).verdict == "refused"
    assert life.facts.needs.signatures == {}


@pytest.mark.promise("nothing-dropped-in-silence")
@pytest.mark.parametrize(
    "kind", ['application/ms-tnef; name="winmail.dat"', "application/pkcs7-mime; smime-type=enveloped-data"]
)
def test_who_sends_what_cannot_be_read_is_told(begin, kind):
    life = asked_for_needs(begin("needs"))
    asked = got(life, "describe-needs", "principal")
    content = answer(asked, "", Content_Type=kind).partition(b"\r\n\r\n")[0] + b"\r\n\r\nx\x9f\x3e\x22"
    assert comes(life, content).verdict == "refused"
    assert "no words of its own that we can read" in " ".join(
        plain(got(life, "reply-refused", "principal")).split()
    )


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize("mark", ["> ", "| ", "PO> ", ""])
@pytest.mark.parametrize("width", [30, 50, 72])
def test_words_and_links_that_were_broken_in_the_middle_do_not_get_on_record(begin, mark, width):
    life, asked = asked_for_finding(begin)
    quoted = re.sub(rf"(.{{{width}}})(?=.)", r"\1\n", plain(asked)).replace("\n", f"\n{mark}")
    assert comes(life, written(asked, f"{ROSE}{mark}{quoted}")).verdict == "done"
    assert reasons(life) == "Attendance rose."


@pytest.mark.promise("own-words-only")
@pytest.mark.parametrize(
    "title", ["WHAT HAPPENED", "HOW", "WHERE THE PARTNERSHIP STANDS", "Give your finding:"]
)
def test_a_title_of_few_words_does_not_get_on_record(begin, title):
    life, asked = asked_for_finding(begin)
    assert title in plain(asked)
    assert comes(life, written(asked, f"{title}\n\n{ROSE}{title}")).verdict == "done"
    assert reasons(life) == "Attendance rose."
