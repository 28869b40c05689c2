"""Words for people: safe, whole, and the same for everyone who compares them."""

from hypothesis import given
from hypothesis import strategies as st

from hub.base import text


@given(st.text())
def test_markdown_never_lets_a_script_through(source: str) -> None:
    html = text.markdown(
        f"{source}\n\n<script>alert(1)</script> [x](javascript:alert(1)) ![y](http://e.example/i)"
    )
    assert "<script" not in html.lower()
    assert 'href="javascript' not in html.lower()
    assert "<img" not in html.lower()


def test_markdown_keeps_what_people_write() -> None:
    html = text.markdown("The **break** is found:\n\n- km 14.2\n- [map](https://maps.example/1)\nline two")
    assert "<strong>break</strong>" in html
    assert 'href="https://maps.example/1"' in html
    assert 'rel="noopener noreferrer nofollow"' in html
    assert "<br>" in html


@given(st.text())
def test_cleaning_twice_is_cleaning_once(source: str) -> None:
    cleaned = text.clean(source)
    assert text.clean(cleaned) == cleaned
    assert "\x00" not in cleaned
    assert "\r" not in cleaned


@given(st.text(), st.integers(1, 50))
def test_one_line_is_one_line_within_its_limit(source: str, limit: int) -> None:
    line = text.one_line(source, limit)
    assert "\n" not in line
    assert len(line) <= limit


def test_no_line_turns_what_stands_after_it() -> None:
    turns = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert text.one_line(f"Invoice {turns}gpj.exe") == "Invoice gpj.exe"
    assert text.one_line(f"e{turns}\u0301") == "\u00e9"
    marked = "\u200f\u05e9\u05dc\u05d5\u05dd (1)\u200e"
    assert text.one_line(marked) == marked


def test_folding_makes_spellings_meet() -> None:
    assert text.fold("  STÖRUNG  straße ") == text.fold("störung STRASSE")


def test_slugs_are_for_addresses() -> None:
    assert text.slug("Nordwind Logistik AG & Söhne") == "nordwind-logistik-ag-sohne"
    assert text.slug("株式会社") == ""


def test_an_unknown_language_falls_back_to_english() -> None:
    assert text.translate("xx", "Sign in") == "Sign in"
    assert text.translate("en", "%(a)s is 100%% sure", a="Kim") == "Kim is 100% sure"
