"""Colour arithmetic for the provider's own colour: any colour in, readable tokens for both themes out."""

import re

# The surfaces of hub/web/static/tokens.css that brand text may stand on; a test keeps them in step.
LIGHT_SURFACES = ("#ffffff", "#f5f6f8", "#eef0f4")
DARK_SURFACES = ("#161d27", "#0e131a", "#1f2835")
INK, PAPER = "#000000", "#ffffff"  # with pure black, one of the two has AA contrast on every colour
AA_TEXT = 4.5
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")


def is_colour(text: str) -> bool:
    """Whether `text` is a colour as settings write it: `#rrggbb`."""
    return _HEX.match(text) is not None


def _channels(colour: str) -> tuple[int, int, int]:
    if not is_colour(colour):
        raise ValueError(f"not a colour of the form #rrggbb: {colour!r}")
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def luminance(colour: str) -> float:
    """Relative luminance from 0 (black) to 1 (white), as WCAG 2.2 defines it."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, success criterion 1.4.3)."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def mix(colour: str, other: str, share: float) -> str:
    """`colour` with `share` (0 to 1) of `other` mixed in, in sRGB."""
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def readable(colour: str, surfaces: tuple[str, ...], towards: str) -> str:
    """The nearest colour on the way from `colour` to `towards` that has AA contrast on every surface."""
    for step in range(101):
        candidate = mix(colour, towards, step / 100)
        if min(contrast(candidate, surface) for surface in surfaces) >= AA_TEXT:
            return candidate
    return towards


def on(colour: str) -> str:
    """Ink or paper, whichever reads better on `colour`."""
    return max((PAPER, INK), key=lambda ink: contrast(ink, colour))


def brand_css(colour: str) -> str:
    """The portal's `/brand.css`: brand tokens derived from the provider's `#rrggbb`, AA in both themes.

    The mark in the top bar wears the colour as it is; text, links and buttons wear the nearest readable one.
    """
    tokens = {"mark": (colour, colour), "on-mark": (on(colour), on(colour))}
    soft = mix(LIGHT_SURFACES[0], colour, 0.1), mix(DARK_SURFACES[0], colour, 0.18)
    light = readable(colour, (*LIGHT_SURFACES, soft[0]), "#000000")
    dark = readable(colour, (*DARK_SURFACES, soft[1]), "#ffffff")
    tokens["brand"] = light, dark
    tokens["brand-strong"] = mix(light, "#000000", 0.25), mix(dark, "#ffffff", 0.35)
    tokens["brand-soft"] = soft
    tokens["brand-line"] = mix(LIGHT_SURFACES[0], light, 0.4), mix(DARK_SURFACES[0], dark, 0.4)
    tokens["on-brand"] = on(light), on(dark)
    lines = "".join(f"  --{name}: light-dark({day}, {night});\n" for name, (day, night) in tokens.items())
    return ":root {\n" + lines + "}\n"
