"""Reading mails of strangers: every word arrives, nothing raises, nothing takes long."""

import time
from email.message import EmailMessage
from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.flows.mailroom import quoting
from hub.flows.mailroom.html_text import text_of
from hub.flows.mailroom.reading import MOST_PARTS, read

SECONDS = 60
"""Far more than any of these takes, and far less than what a runaway pattern would."""


def mime(*lines: str) -> bytes:
    return "\r\n".join(lines).encode()


# Anything at all


@given(st.binary(max_size=2000))
@example(b"")
@example(b"\x00" * 100)
@example(b"From: " + b"(" * 50_000)
@example(b"Subject: =?utf-8?b?!!!?=\r\n\r\n")
@example(b"Subject: =?x-unknown?q?=FF?=\r\n\r\nx")
@example(b"Content-Type: text/plain; charset=x-unknown\r\n\r\n\xff\xfe")
@example(b"Content-Type: text/plain; charset=utf-16\r\n\r\nodd")
@example(b"Content-Type: multipart/mixed\r\n\r\nno boundary")
@example(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b--\r\n--b")
@example(b"Content-Transfer-Encoding: base64\r\n\r\n!!!=")
@example(b"Content-Type: message/rfc822\r\n\r\n")
@example(b"Content-Type: message/delivery-status\r\n\r\n\r\n")
@example(b"Content-Type: multipart/report\r\n\r\nx")
@example(b"Content-Disposition: attachment; filename*=x'y'%FF\r\n\r\nx")
def test_reading_never_raises(raw):
    mail = read(raw)
    assert len(mail.digest) == 64
    assert "\x00" not in mail.text


HEADER = st.sampled_from(
    [
        "From",
        "To",
        "Subject",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "References",
    ]
)
VALUE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["multipart/mixed; boundary=b", "multipart/alternative; boundary=b", "text/html", "base64"]
    ),
    st.sampled_from(['attachment; filename="../x"', "message/rfc822", "text/plain; charset=klingon", "8bit"]),
)
PIECE = st.one_of(
    st.text(max_size=80), st.sampled_from(["--b", "--b--", "Content-Type: text/html", "", "\r\n"])
)


@given(st.lists(st.tuples(HEADER, VALUE), max_size=8), st.lists(PIECE, max_size=15))
def test_reading_never_raises_on_what_looks_like_a_mail(headers, body):
    lines = [f"{name}: {value}" for name, value in headers]
    raw = "\r\n".join([*lines, "", *body]).encode("utf-8", "surrogatepass")
    mail = read(raw)
    assert mail.text.encode() is not None


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=200))
def test_what_was_written_arrives(text):
    message = EmailMessage()
    message["Subject"] = "x"
    message.set_content(text)
    assert read(message.as_bytes()).text.split() == normalize("NFC", text).split()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(
            mime(*(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}" for n in range(3000))),
            id="nested",
        ),
        pytest.param(
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 100_000, id="parts"
        ),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<div>" * 300_000, id="divs"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<blockquote>" * 50_000 + b"deep", id="quotes"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<!--" * 200_000, id="comments"),
        pytest.param(b"References: " + b"<a@b> " * 100_000 + b"\r\n\r\nx", id="references"),
        pytest.param(b"To: " + b"a" * 1_000_000 + b"\r\n\r\nx", id="address"),
        pytest.param(b"Subject: " + b"=?a?q?x" * 100_000 + b"\r\n\r\nx", id="words"),
        pytest.param(b"\r\n".join(b"X-%d: y" % n for n in range(100_000)) + b"\r\n\r\nx", id="headers"),
        pytest.param(b"x\n" * 5_000_000, id="lines"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<script>" * 100_000, id="scripts"),
        pytest.param(b"Content-Type: text/html\r\n\r\n" + b"<" * 900_000, id="brackets"),
    ],
)
def test_mails_made_to_hang_a_reader_are_read_in_time(raw):
    began = time.monotonic()
    read(raw)
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize(
    "piece", ["On ", "On a\n", "Am x schrieb\n", "> ", "-", "_", "From: x\n", "\n \n", "a@"]
)
def test_texts_made_to_hang_a_parser_are_split_in_time(piece):
    began = time.monotonic()
    text = piece * (200_000 // len(piece))
    quoting.new_words(f"Hello\n{text}", "hub.example")
    assert time.monotonic() - began < SECONDS


def test_too_many_parts_are_said():
    raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * (MOST_PARTS + 10)
    assert "too many parts" in read(raw).trouble


# Words


def test_of_two_forms_the_plain_one_is_taken():
    message = EmailMessage()
    message.set_content("plain words")
    message.add_alternative("<p>HTML words</p>", subtype="html")
    assert read(message.as_bytes()).text == "plain words"


def test_pictures_of_the_html_form_are_kept():
    message = EmailMessage()
    message.set_content("plain words")
    message.add_alternative("<p>see <img src='cid:a'></p>", subtype="html")
    html = message.get_payload()[1]
    html.add_related(b"\x89PNG", "image", "png", cid="<a>", filename="graph.png")
    mail = read(message.as_bytes())
    assert mail.text == "plain words"
    assert [file.name for file in mail.files] == ["graph.png"]


def test_html_alone_becomes_text():
    message = EmailMessage()
    message.set_content(
        "<style>p{}</style><p>Hello<br>there</p><ul><li>one</li><li>two</li></ul><script>x</script>",
        subtype="html",
    )
    assert read(message.as_bytes()).text == "Hello\nthere\n- one\n- two"


def test_an_empty_plain_form_does_not_hide_the_html():
    message = EmailMessage()
    message.set_content("\n")
    message.add_alternative("<p>words</p>", subtype="html")
    assert read(message.as_bytes()).text == "words"


@pytest.mark.parametrize(
    ("charset", "raw"),
    [("utf-8", "für".encode("cp1252")), ("x-unknown", "für".encode()), ("us-ascii", "für".encode())],
)
def test_a_wrong_charset_loses_no_letter(charset, raw):
    head = f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
    assert read(head + raw).text == "für"


def test_names_and_subjects_are_decoded():
    raw = mime(
        "From: =?utf-8?q?J=C3=BCrgen_Wei=C3=9F?= <J.Weiss@Nordwind.example>",
        "Subject: =?utf-8?b?U3TDtnJ1bmc=?= auf",
        " der =?iso-8859-1?q?Stra=DFe?=",
        "",
        "x",
    )
    mail = read(raw)
    assert (mail.sender, mail.sender_name) == ("j.weiss@nordwind.example", "Jürgen Weiß")
    assert mail.subject == "Störung auf der Straße"


def test_a_header_in_bare_bytes_is_read():
    assert read("Subject: Störung\r\n\r\nx".encode()).subject == "Störung"
    assert read("Subject: Störung\r\n\r\nx".encode("cp1252")).subject == "Störung"


def test_every_recipient_header_is_looked_at():
    raw = mime(
        'To: "Kim, of Elbe" <a@x.example>, B@x.example',
        "Cc: c@x.example",
        "Delivered-To: hub+token@hub.example",
        "",
        "x",
    )
    assert read(raw).recipients == ("a@x.example", "b@x.example", "c@x.example", "hub+token@hub.example")


def test_a_forwarded_mail_is_a_file():
    inner, outer = EmailMessage(), EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("inner words")
    outer.set_content("see below")
    outer.add_attachment(inner)
    mail = read(outer.as_bytes())
    assert mail.text == "see below"
    assert [(file.name, file.media_type) for file in mail.files] == [("Inner.eml", "message/rfc822")]
    assert b"inner words" in mail.files[0].content


# Quotations


@pytest.mark.parametrize(
    "quoted",
    [
        "On Mon, 2 Mar 2026 at 10:00, Kim <hub@hub.example> wrote:\n> old\n> words",
        "On Mon, 2 Mar 2026 at 10:00, Kim of Elbe Connect\n<hub+cabc@hub.example> wrote:\n\n> old",
        "Am 02.03.26 um 10:00 schrieb Kim:\n> alt",
        "02.03.2026 10:00, Kim пишет:\n> старое",
        "W dniu 2.03.2026 o 10:00, Kim napisał(a):\n> stare",
        "Op ma 2 mrt 2026 om 10:00 schreef Kim:\n> oud",
        "-----Original Message-----\nFrom: Kim <hub@hub.example>\nSent: Monday\nSubject: x\n\nold",
        "____________________\nVon: Kim <hub@hub.example>\nGesendet: Montag\nAn: Petra\nBetreff: x\n\nalt",
        "From: Kim <hub+cabc@hub.example>\nDate: Monday\nTo: Petra\nSubject: x\n\nold",
        "> only\n> marked",
    ],
)
def test_what_is_quoted_of_us_is_cut(quoted):
    assert quoting.new_words(f"It works.\n\nThanks\n\n{quoted}", "hub.example") in (
        "It works.\n\nThanks",
        "It works.\n\nThanks\n\n____________________",
    )


def test_answers_between_the_lines_stay_with_what_they_answer():
    text = "On Monday Kim wrote:\n> does A work?\nyes\n> and B?\nno"
    assert quoting.new_words(f"See below.\n\n{text}", "hub.example") == f"See below.\n\n{text}"


def test_an_answer_below_the_quotation_stays():
    text = "On Monday Kim wrote:\n> does A work?\n\nIt does."
    assert quoting.new_words(text, "hub.example") == text


def test_the_history_of_others_is_news_to_us():
    text = "FYI\n\nFrom: Ina <ina@supplier.example>\nSent: Monday\nTo: Petra\nSubject: x\n\nA digger cut it."
    assert quoting.new_words(text, "hub.example") == text


def test_a_sentence_that_only_sounds_like_a_quotation_stays():
    text = "Hello,\nOn Monday Kim wrote:\nplease restart it. That did not help."
    assert quoting.new_words(text, "hub.example") == text


def test_a_mail_that_is_all_quotation_stays():
    assert quoting.new_words("> a\n> b", "hub.example") == "> a\n> b"


@given(st.text())
def test_without_a_quotation_nothing_is_cut(text):
    if ">" not in text and ":" not in text and "--" not in text and "__" not in text:
        assert quoting.new_words(text, "hub.example") == text.strip()


def test_a_quoted_html_answer_is_cut():
    html = (
        "<div>It works.</div><div><div>On Mon, Kim &lt;hub@hub.example&gt; wrote:<br></div>"
        "<blockquote><table><tr><td>News on <b>ACME-1</b></td></tr></table></blockquote></div>"
    )
    assert quoting.new_words(text_of(html), "hub.example") == "It works."
