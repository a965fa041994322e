"""Links between pages, to files, and to headings; files that prose names in backquotes."""

import pathlib
import re
from typing import Iterator, List, Set

LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.*)$")
# A path of the tree in backquotes, as prose names files: with a slash, and no pattern in it.
NAMED = re.compile(r"`((?:docs|examples|include|proto|scripts|src|tests|verification|fuzz|bench|"
                   r"cmake)/[\w./-]*\w)`")


def anchors(text: str) -> Set[str]:
    """The names that GitHub gives to headings."""
    found: Set[str] = set()
    for line in _prose(text):
        heading = HEADING.match(line)
        if heading:
            words = re.sub(r"[^\w\- ]", "", heading.group(1).lower())
            found.add(words.replace(" ", "-"))
    return found


def faults(page: str, root: pathlib.Path) -> Iterator[str]:
    text = (root / page).read_text()
    for number, line in enumerate(_prose(text), 1):
        for target in LINK.findall(line):
            fault = _fault(page, target, root)
            if fault:
                yield f"{page}:{number}: {fault}"
        for name in NAMED.findall(line):
            if not (root / name).exists():
                yield f"{page}:{number}: there is no {name}"


def count(page: str, root: pathlib.Path) -> int:
    lines = _prose((root / page).read_text())
    return sum(len(LINK.findall(line)) + len(NAMED.findall(line)) for line in lines)


def _fault(page: str, target: str, root: pathlib.Path) -> str:
    if re.match(r"[a-z]+:", target):
        return ""
    path, _, anchor = target.partition("#")
    file = (root / page).parent / path if path else root / page
    if not file.exists():
        return f"a link to {target}, which is not there"
    if anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
        return f"a link to {target}: no such heading"
    return ""


def _prose(text: str) -> List[str]:
    """The lines, those of code blocks empty."""
    out, fenced = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
            line = ""
        out.append("" if fenced else line)
    return out
