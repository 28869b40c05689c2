"""Every relative link of the documentation leads to a file, and every page is linked from somewhere."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#]*)(?:#[^)]*)?\)")


def targets(page: Path) -> list[Path]:
    return [(page.parent / link).resolve() for link in LINK.findall(page.read_text(encoding="utf-8")) if link]


def test_links_lead_somewhere():
    broken = [
        f"{page.relative_to(ROOT)} -> {to}" for page in PAGES for to in targets(page) if not to.exists()
    ]
    assert broken == []


def test_every_page_is_reachable_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.is_file():
            reached.add(page)
            waiting += targets(page)
    assert set(PAGES) - reached == set()


def test_the_map_names_every_room():
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    rooms = [path.name for path in (ROOT / "hub").iterdir() if (path / "__init__.py").is_file()]
    rooms += [path.name for path in (ROOT / "hub").glob("*.py") if path.name != "__init__.py"]
    assert [room for room in rooms if room not in text] == []


def test_the_map_names_only_what_is_there():
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:base|domain|flows|web|plugin|plugins|templates)/[a-z_/.]+|[a-z_]+\.py)`", text)
    assert len(named) > 8
    assert [name for name in named if not ((ROOT / name).exists() or (ROOT / "hub" / name).exists())] == []
