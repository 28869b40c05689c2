"""The parts that pages are built of: nothing typed by a person becomes markup, nothing typed is lost."""

import gettext
import re
from pathlib import Path

import jinja2
import pytest
from lxml import html

from hub.domain.kinds import Kind

ROOT = Path(__file__).parents[2]
SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"

HOSTILE = {
    "ui": [
        "chip(bad, 'crit', href=bad)",
        "button(bad, name=bad, value=bad, attrs={'title': bad})",
        "link_button(bad, bad)",
        "kv([(bad, bad)])",
        "steps([{'label': bad, 'state': 'now', 'at': bad}])",
        "time_bar(bad, bad, 50, about=bad, note=bad)",
        "notice('ok', bad, title=bad)",
        "flashes([('ok', bad), (bad, bad)])",
        "empty(bad, bad, href=bad, action=bad)",
        "why(bad, bad)",
        "confirm(bad, bad, bad, bad, bad, fields={'a': bad}, text=bad)",
        "contact_link('mail', bad)",
    ],
    "forms": [
        "field('a', bad, bad, help=bad, error=bad)",
        "field('a', bad, bad, type='textarea')",
        "field('a', bad, bad, type='select', options=[(bad, bad), (bad, [(bad, bad)])])",
        "check('a', bad, value=bad, help=bad, error=bad)",
        "checks('a', bad, [(bad, bad, bad)], chosen=[bad], error=bad)",
        "picks('a', bad, [(bad, bad, bad)], help=bad)",
        "error_summary({bad: bad})",
        "search_field(bad, bad, bad)",
    ],
    "bars": [
        "topbar('portal', '/', nav=[{'href': bad, 'label': bad}], provider=bad, account=bad, token=bad,"
        " person={'name': bad, 'about': bad, 'links': [(bad, bad, bad)], 'sign_out': bad})",
        "topbar('portal', '/', provider=bad, logo=bad, place=bad)",
        "crumbs([(bad, bad), (none, bad)])",
        "tabs(bad, [{'href': bad, 'label': bad, 'count': bad}])",
        "pager(bad, bad)",
        "freshness(bad)",
    ],
    "table": ["table(bad, [bad, (bad, 'number')], [[bad, bad]])"],
    "timeline": [
        "entry(bad, iso=bad, full=bad, actor=bad, sentence=bad, audience='staff', body=bad, foot=bad,"
        " late=bad, person=bad, more=bad, more_word=bad, attachments=[(bad, bad, bad)])",
        "day(bad)",
        "filters(bad, [{'href': bad, 'label': bad}])",
    ],
    "composer": [
        "composer(bad, bad, 'customer', bad, to=bad, value=bad, error=bad, label=bad, draft=bad, note=bad)",
        "switch_composer(bad, bad, to=bad, value=bad, error=bad, draft=bad)",
        "echo(bad, bad, bad, bad)",
        "audience_banner('customer', bad, more=bad)",
    ],
    "words": ["case_state(bad)", "order_state(bad)", "priority(bad)", "severity(bad)"],
}


@pytest.fixture(scope="module")
def env() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=jinja2.StrictUndefined,
    )
    env.install_gettext_translations(gettext.NullTranslations(), newstyle=True)  # type: ignore[attr-defined]
    return env


def draw(env: jinja2.Environment, part: str, call: str, **values: object) -> str:
    return env.from_string(f"{{% import 'parts/{part}.html' as part %}}{{{{ part.{call} }}}}").render(
        **values
    )


@pytest.mark.parametrize(
    ("part", "call"), [(part, call) for part, calls in HOSTILE.items() for call in calls]
)
def test_what_people_type_never_becomes_markup(env: jinja2.Environment, part: str, call: str) -> None:
    page = html.fromstring(f"<div>{draw(env, part, call, bad=SCRIPT)}</div>")
    assert not page.xpath("//script | //img[@src='x'] | //@onerror")
    assert "alert(1)" in html.tostring(page, encoding="unicode")


def test_a_field_keeps_what_was_typed_and_ties_help_and_error_to_it(env: jinja2.Environment) -> None:
    drawn = draw(env, "forms", "field('mail', 'Mail', typed, help='h', error='e')", typed="nobody@")
    page = html.fromstring(drawn)
    box = page.xpath("//input")[0]
    assert box.get("value") == "nobody@"
    assert box.get("aria-invalid") == "true"
    assert [
        page.get_element_by_id(name).text_content().strip() for name in box.get("aria-describedby").split()
    ]
    assert page.xpath("//label/@for") == [box.get("id")]


def test_a_long_text_keeps_its_first_empty_line(env: jinja2.Environment) -> None:
    drawn = draw(env, "forms", "field('body', 'Text', typed, type='textarea')", typed="\nsecond line")
    assert html.fromstring(drawn).xpath("//textarea")[0].text.endswith("\nsecond line")
    assert ">\n\nsecond line<" in drawn


def test_a_password_is_never_sent_back(env: jinja2.Environment) -> None:
    assert "hunter2" not in draw(
        env, "forms", "field('p', 'Password', typed, type='password')", typed="hunter2"
    )


@pytest.mark.parametrize("typed", ["2", 2])
def test_a_choice_stays_chosen(env: jinja2.Environment, typed: object) -> None:
    options = [(1, "one"), (2, "two")]
    for call in (
        "field('n', 'N', typed, type='select', options=options)",
        "radios('n', 'N', options, typed)",
    ):
        page = html.fromstring(draw(env, "forms", call, typed=typed, options=options))
        assert page.xpath("//*[@selected or @checked]/@value") == ["2"]


def test_a_part_tells_states_in_words(env: jinja2.Environment) -> None:
    steps = html.fromstring(draw(env, "words", "case_steps('waiting', waits_for='customer')"))
    assert steps.xpath("//li[@aria-current='step']")[0].text_content().startswith("Waiting for you")
    assert [item.get("class") for item in steps.xpath("//li")] == ["done", "now", "todo", "todo"]


def test_every_sign_that_is_asked_for_is_drawn(env: jinja2.Environment) -> None:
    drawn = env.get_template("parts/icons.html").module.DRAWN  # type: ignore[attr-defined]
    asked = re.compile(r"""(?:\bicon\(|\bworded\(|\bsign=|"sign": )"([a-z-]+)\"""")
    for page in (ROOT / "templates").rglob("*.html"):
        unknown = set(asked.findall(page.read_text())) - set(drawn)
        assert not unknown, f"{page.name}: {unknown}"


def test_every_kind_of_entry_has_its_sign(env: jinja2.Environment) -> None:
    signs = env.get_template("parts/words.html").module.KIND_SIGNS  # type: ignore[attr-defined]
    drawn = env.get_template("parts/icons.html").module.DRAWN  # type: ignore[attr-defined]
    assert set(Kind) <= set(signs), "give it a sign in templates/parts/words.html"
    assert {sign for sign, _ in signs.values()} <= set(drawn)
