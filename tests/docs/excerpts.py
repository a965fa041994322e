"""Blocks that are parts of files: their lines must stand there."""

import pathlib
from typing import List, Optional

from pages import Block

ELLIPSIS = {"...", "// ...", "# ..."}


def fault(block: Block, root: pathlib.Path) -> Optional[str]:
    """What is wrong with an excerpt; nothing if its lines stand in the file that it names."""
    path = root / block.directives["from"]
    if not path.is_file():
        return f"{block.place}: there is no file {block.directives['from']}"
    source = [line.strip() for line in path.read_text().splitlines()]
    at = 0
    for part in _parts(block.lines):
        found = _find(source, part, at)
        if found is None:
            missing = next((line for line in part if line not in source), part[0])
            return f"{block.place}: not in {block.directives['from']}: {missing}"
        at = found + len(part)
    return None


def _parts(lines: List[str]) -> List[List[str]]:
    """The runs of lines between lines of dots, without empty lines at their ends."""
    parts: List[List[str]] = [[]]
    for line in lines:
        if line.strip() in ELLIPSIS:
            parts.append([])
        else:
            parts[-1].append(line.strip())
    for part in parts:
        while part and not part[0]:
            part.pop(0)
        while part and not part[-1]:
            part.pop()
    return [part for part in parts if part]


def _find(source: List[str], part: List[str], start: int) -> Optional[int]:
    last = len(source) - len(part)
    return next((at for at in range(start, last + 1) if source[at:at + len(part)] == part), None)
