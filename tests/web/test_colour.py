"""Every pair of tokens that carries text reads at WCAG 2.2 AA, in both themes and any provider's colour."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.web import colour

TOKENS = Path(colour.__file__).parent / "static" / "tokens.css"
PAIR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
THEMES = {"light": 0, "dark": 1}

ON_SURFACES = ["text", "muted", "faint", "brand", "brand-strong", "staff", "cust", "crit", "warn", "ok"]
SURFACES = ["bg", "surface", "raised", "sunken"]
OWN_GROUND = ["brand", "staff", "cust", "crit", "warn", "ok"]
FILLED = ["brand", "staff", "cust", "crit"]

TEXT_PAIRS = [
    *((ink, ground) for ink in ON_SURFACES for ground in SURFACES),
    *((tone, f"{tone}-soft") for tone in OWN_GROUND),
    *((ink, f"{tone}-soft") for ink in ("text", "muted") for tone in OWN_GROUND),
    *((f"on-{tone}", tone) for tone in FILLED),
    *((f"on-{tone}", f"{tone}-strong") for tone in FILLED),
    ("brand", "cust-soft"),
    ("brand", "staff-soft"),
    ("on-mark", "mark"),
]
CONTROL_PAIRS = [
    (line, ground) for line in ("edge", "focus", "brand", "ok", "warn", "crit") for ground in SURFACES
]


def tokens(css: str) -> dict[str, tuple[str, str]]:
    return {name: (light, dark) for name, light, dark in PAIR.findall(css)}


OURS = tokens(TOKENS.read_text())


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS)
def test_text_reads(theme: str, ink: str, ground: str) -> None:
    side = THEMES[theme]
    assert colour.contrast(OURS[ink][side], OURS[ground][side]) >= 4.5


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("line", "ground"), CONTROL_PAIRS)
def test_controls_and_bars_stand_out(theme: str, line: str, ground: str) -> None:
    side = THEMES[theme]
    assert colour.contrast(OURS[line][side], OURS[ground][side]) >= 3


def test_known_ratios_of_the_standard() -> None:
    assert colour.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert colour.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_surfaces_of_the_arithmetic_are_those_of_the_tokens() -> None:
    named = ("surface", "bg", "sunken")
    assert tuple(OURS[name][0] for name in named) == colour.LIGHT_SURFACES
    assert tuple(OURS[name][1] for name in named) == colour.DARK_SURFACES


@example("#d9480f")  # neither white nor a soft ink reads on it
@example("#767676")
@given(st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}"))
def test_any_provider_colour_gives_a_readable_portal(provider: str) -> None:
    brand = tokens(colour.brand_css(provider))
    for side, surfaces in enumerate((colour.LIGHT_SURFACES, colour.DARK_SURFACES)):
        ours = brand["brand"][side]
        assert all(colour.contrast(ours, ground) >= 4.5 for ground in (*surfaces, brand["brand-soft"][side]))
        assert colour.contrast(brand["on-brand"][side], ours) >= 4.5
        assert colour.contrast(brand["on-brand"][side], brand["brand-strong"][side]) >= 4.5
        assert colour.contrast(OURS["text"][side], brand["brand-soft"][side]) >= 4.5
        assert colour.contrast(brand["on-mark"][side], brand["mark"][side]) >= 4.5


@pytest.mark.parametrize("bad", ["", "red", "#fff", "#12345g", "#123456;}", "#123456\n"])
def test_what_is_no_colour_is_refused(bad: str) -> None:
    assert not colour.is_colour(bad)
    with pytest.raises(ValueError, match="not a colour"):
        colour.brand_css(bad)
