"""Sizes are told as the settings that limit them are written: in powers of two."""

import pytest

from hub.web.filters import size


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (16 * 1024 * 1024, "16 MB"),
        (25 * 1024 * 1024, "25 MB"),
        (3 * 1024 * 1024 // 2, "1.5 MB"),
        (20 * 1024, "20 kB"),
        (1023, "1023 B"),
    ],
)
def test_a_limit_is_told_as_it_is_meant(count: int, words: str) -> None:
    assert size(count) == words
