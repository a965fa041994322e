#!/usr/bin/env python3
"""Renders the diagrams of the documentation: docs/diagrams/*.dot and *.msc become .svg files.

  scripts/diagrams.py            renders those whose source has changed
  scripts/diagrams.py --check    tells which are not rendered, not used, or do not render

Needs dot (graphviz) and mscgen. A rendered file names its source's digest, so that --check does not
depend on their versions; it renders too where they are installed.
"""

import argparse
import hashlib
import pathlib
import shutil
import subprocess
import sys
from typing import Iterator, List

ROOT = pathlib.Path(__file__).resolve().parent.parent
DIAGRAMS = ROOT / "docs" / "diagrams"
TOOLS = {".dot": ["dot", "-Tsvg"], ".msc": ["mscgen", "-T", "svg", "-o", "-", "-i"]}


def sources() -> List[pathlib.Path]:
    return sorted(path for path in DIAGRAMS.iterdir() if path.suffix in TOOLS)


def stamp(source: pathlib.Path) -> str:
    digest = hashlib.sha256(source.read_bytes()).hexdigest()[:16]
    return f"<!-- {source.name} {digest} -->\n"


def current(source: pathlib.Path) -> bool:
    rendered = source.with_suffix(".svg")
    return rendered.is_file() and rendered.read_text().endswith(stamp(source))


def render(source: pathlib.Path) -> str:
    done = subprocess.run([*TOOLS[source.suffix], source], capture_output=True, text=True)
    if done.returncode != 0 or done.stderr:
        raise ValueError(f"{source.relative_to(ROOT)}: {done.stderr.strip()}")
    drawn = done.stdout
    if source.suffix == ".msc":  # It leaves the background to the viewer, who may like it dark.
        head, polygon, rest = drawn.partition("<polygon")
        drawn = f'{head}<rect width="100%" height="100%" fill="white"/>\n{polygon}{rest}'
    return drawn + stamp(source)


def faults() -> Iterator[str]:
    pages = "\n".join(page.read_text() for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
    known = {source.with_suffix(".svg") for source in sources()}
    for rendered in DIAGRAMS.glob("*.svg"):
        if rendered not in known:
            yield f"{rendered.relative_to(ROOT)}: has no source"
    for source in sources():
        name = source.relative_to(ROOT)
        if not current(source):
            yield f"{name}: not rendered since it changed: run scripts/diagrams.py"
        if f"diagrams/{source.stem}.svg)" not in pages:
            yield f"{name}: no page shows it"
        if shutil.which(TOOLS[source.suffix][0]):
            try:
                render(source)
            except ValueError as error:
                yield str(error)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        found = list(faults())
        print("".join(fault + "\n" for fault in found) +
              f"diagrams: {len(sources())}, {len(found)} faults")
        return 1 if found else 0
    for source in sources():
        if not current(source):
            source.with_suffix(".svg").write_text(render(source))
            print(f"rendered {source.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
