"""Rooms stay small: bounds on files, functions and templates, and no import hides inside a function."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILE, FUNCTION, TEST_FUNCTION, TEMPLATE = 400, 40, 60, 150
P90_FILE, P90_FUNCTION = 250, 20
GENERATED = "hub/migrations/versions/"


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    names = [name for name in listed.stdout.splitlines() if not name.startswith(GENERATED)]
    return [ROOT / name for name in sorted(set(names)) if (ROOT / name).is_file()]


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> list[tuple[str, int]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def p90(sizes: list[int]) -> int:
    return sorted(sizes)[len(sizes) * 9 // 10]


def test_no_file_is_too_long():
    assert [str(path) for path in tracked("*.py", "*.css", "*.js") if lines(path) > FILE] == []


def test_no_template_is_too_long():
    assert [str(path) for path in tracked("templates/*") if lines(path) >= TEMPLATE] == []


@pytest.mark.parametrize(
    ("where", "bound"),
    [(("hub/*.py", "plugins/*.py", "bench/*.py"), FUNCTION), (("tests/*.py",), TEST_FUNCTION)],
)
def test_no_function_is_too_long(where: tuple[str, ...], bound: int):
    found = [found for path in tracked(*where) for found in functions(path)]
    assert [(name, size) for name, size in found if size > bound] == []


def test_most_files_and_functions_are_much_shorter():
    paths = tracked("hub/*.py", "plugins/*.py")
    assert p90([lines(path) for path in paths]) < P90_FILE
    assert p90([size for path in paths for _, size in functions(path)]) < P90_FUNCTION


def public(tree: ast.Module | ast.ClassDef, inherited: bool = False) -> list[ast.FunctionDef | ast.ClassDef]:
    """Classes and functions that others may call; not what stands inside functions or private classes.

    A method of a subclass may rely on the words of its parent.
    """
    found: list[ast.FunctionDef | ast.ClassDef] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            if not (inherited and isinstance(node, ast.FunctionDef)):
                found.append(node)
            if isinstance(node, ast.ClassDef):
                found += public(node, inherited=bool(node.bases))
    return found


def test_what_is_public_in_the_hub_says_what_it_does():
    silent = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in tracked("hub/*.py")
        for node in public(ast.parse(path.read_text(encoding="utf-8")))
        if not ast.get_docstring(node)
    ]
    assert silent == []
