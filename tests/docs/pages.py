"""The pages of the documentation, and the blocks of code in them.

A block is fenced and names its kind. A comment on the line before it says how it is tested:

  <!-- test: from PATH -->        its lines stand in that file, in this order; a line of dots (...)
                                  stands for lines that are left out
  <!-- test: shape -->            of a console block: numbers and ids may differ from run to run
  <!-- test: soon -->             of a console block: asked again until the output is as expected
  <!-- test: statements -->       of a cpp block: what stands in a function, see cpp.py
  <!-- test: not, REASON -->      of a text block: it cannot be tested, for this reason

Several are separated by semicolons. Blocks of JSON must be JSON,
those of CMake configure a project, `sh` blocks are run, `cpp` blocks compiled.
"""

import pathlib
import re
from typing import Dict, Iterator, List, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What may be done with blocks of each kind.
KINDS: Dict[str, frozenset] = {
    "cpp": frozenset({"from", "statements"}),
    "cmake": frozenset({"from"}),
    "conf": frozenset({"from"}),
    "console": frozenset({"shape", "soon"}),
    "json": frozenset(),
    "sh": frozenset(),
    "text": frozenset({"from", "not"}),
}
# Kinds of which each block needs one of its directives.
NEEDS_DIRECTIVE = {"conf", "text"}

FENCE = re.compile(r"^(`{3,})(.*)$")
DIRECTIVE = re.compile(r"^<!-- test: (.*) -->$")


class PageError(Exception):
    """A page that cannot be read as it should be; the text names file and line."""


class Block(NamedTuple):
    page: str  # Relative to the root.
    line: int  # Of its first line.
    kind: str
    directives: Dict[str, str]
    lines: List[str]

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"


def pages(root: pathlib.Path = ROOT) -> List[str]:
    """What a reader is meant to read, in the order of the files."""
    found = [path for path in root.glob("*.md")]
    for top in ("docs", "examples", "verification"):
        found += (root / top).rglob("*.md")
    return sorted(path.relative_to(root).as_posix() for path in found)


def blocks_of(page: str, root: pathlib.Path = ROOT) -> Iterator[Block]:
    lines = (root / page).read_text().splitlines()
    number = 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith("    ") and _is_indented_block(lines, number - 1):
            raise PageError(f"{page}:{number}: a block without a kind: fence it")
        fence = FENCE.match(line)
        if fence is None:
            if DIRECTIVE.match(line) and not FENCE.match(_at(lines, number)):
                raise PageError(f"{page}:{number}: no block follows this directive")
            continue
        first = number
        try:
            end = lines.index(fence.group(1), first)
        except ValueError:
            raise PageError(f"{page}:{number}: this block does not end") from None
        yield _block(page, first, fence.group(2).strip(), _at(lines, first - 2), lines[first:end])
        number = end + 1


def all_blocks(root: pathlib.Path = ROOT) -> List[Block]:
    return [block for page in pages(root) for block in blocks_of(page, root)]


def _at(lines: List[str], index: int) -> str:
    return lines[index] if 0 <= index < len(lines) else ""


def _is_indented_block(lines: List[str], index: int) -> bool:
    """Four spaces after an empty line make a block, unless they continue an item of a list."""
    if _at(lines, index - 1).strip():
        return False
    for line in reversed(lines[:index]):
        if line and not line.startswith(" "):
            return not re.match(r"[-*] |\d+\. ", line)
    return True


def _block(page: str, first: int, kind: str, before: str, lines: List[str]) -> Block:
    place = f"{page}:{first}"
    if kind not in KINDS:
        raise PageError(f"{place}: blocks of kind {kind or 'nothing'!r} are unknown; "
                        f"there are {', '.join(sorted(KINDS))}")
    directives: Dict[str, str] = {}
    match = DIRECTIVE.match(before)
    for word in match.group(1).split(";") if match else []:
        name, _, argument = word.strip().replace(",", " ", 1).partition(" ")
        directives[name] = argument.strip()
        if name not in KINDS[kind]:
            raise PageError(f"{place}: a block of kind {kind} cannot be tested by {name!r}")
        if name in ("from", "not") and not argument.strip():
            raise PageError(f"{place}: {name!r} needs an argument")
    if kind in NEEDS_DIRECTIVE and not directives:
        raise PageError(f"{place}: how is this block tested? Say one of "
                        f"{', '.join(sorted(KINDS[kind]))}")
    if not any(line.strip() for line in lines):
        raise PageError(f"{place}: an empty block")
    return Block(page, first + 1, kind, directives, lines)
