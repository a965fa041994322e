#!/usr/bin/env python3
"""Compares what the shared libraries export with the lists in cmake/exports.

  scripts/check_exports.py BUILD             one line for each difference; exit status 1 if any
  scripts/check_exports.py BUILD --rewrite   writes the lists; so does CLUSTERKIT_REWRITE=1
  scripts/check_exports.py --selftest        proves that each rule finds what it is for

A list has the names, without parameters, of the functions and variables that are defined in this
library alone. Inline functions and instantiations of templates, which every user of a header
defines too, are in no list; like the rest they must not be of a part that users do not know.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Dict, Iterator, List, NamedTuple, Set

ROOT = pathlib.Path(__file__).resolve().parent.parent
PREFIX = "libclusterkit_"

# Types as nm prints them: defined here alone, or wherever it is used.
STRONG = set("TDRB")
WEAK = set("WVu")

# Generated classes, and what only our sources know.
INTERNAL = re.compile(r"\bclusterkit::v1::|::Impl::|\bgoogle::protobuf::")
SPECIAL = re.compile(r"^(vtable|VTT|typeinfo|typeinfo name) for ")
WORD = re.compile(r"[A-Za-z_]\w*")


class Symbol(NamedTuple):
    kind: str
    name: str  # With parameters.
    short: str  # Without.


def run(*command: str, text: str = "") -> str:
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout


def parse(listing: str) -> List[Symbol]:
    """Symbols from the output of nm --format=posix."""
    pairs = [line.split()[:2] for line in listing.splitlines() if line.strip()]
    mangled = "".join(name + "\n" for name, _ in pairs)
    names = run("c++filt", text=mangled).splitlines()
    shorts = run("c++filt", "--no-params", text=mangled).splitlines()
    return [Symbol(kind, name, re.sub(r"\[abi:\w+\]", "", short))
            for (_, kind), name, short in zip(pairs, names, shorts)]


def words_of_headers(root: pathlib.Path) -> Set[str]:
    words: Set[str] = set()
    for header in (root / "include").rglob("*.h"):
        text = re.sub(r"//.*", "", header.read_text())
        words.update(WORD.findall(text))
    return words


def broken_rules(symbols: List[Symbol], declared: Set[str]) -> Iterator[str]:
    for symbol in symbols:
        if INTERNAL.search(symbol.name):
            yield f"internal: {symbol.name}"
            continue
        if symbol.kind in WEAK:
            continue
        if symbol.kind not in STRONG:
            yield f"of unexpected type {symbol.kind}: {symbol.name}"
            continue
        short = SPECIAL.sub("", symbol.short)
        if not short.startswith("clusterkit::"):
            yield f"not in namespace clusterkit: {symbol.name}"
            continue
        unknown = [word for word in WORD.findall(short) if word not in declared]
        if unknown:
            yield f"in no public header is {unknown[0]}: {symbol.name}"


def listed(symbols: List[Symbol]) -> List[str]:
    # Typeinfo comes with the virtual table, and is weak or not as the compiler likes.
    return sorted({symbol.short for symbol in symbols
                   if symbol.kind in STRONG and not SPECIAL.match(symbol.short)})


def difference(component: str, old: List[str], new: List[str]) -> Iterator[str]:
    for name in sorted(set(old) - set(new)):
        yield f"{component}: no longer exported: {name}"
    for name in sorted(set(new) - set(old)):
        yield f"{component}: not in the list: {name}"


def libraries(build: pathlib.Path) -> Dict[str, pathlib.Path]:
    return {path.name[len(PREFIX):-len(".so")]: path
            for path in sorted((build / "src").rglob(f"{PREFIX}*.so"))}


def check(build: pathlib.Path, rewrite: bool) -> int:
    found = libraries(build)
    if not found:
        print(f"check_exports: no shared library in {build}", file=sys.stderr)
        return 2
    declared = words_of_headers(ROOT)
    trouble: List[str] = []
    total = 0
    for component, library in found.items():
        symbols = parse(run("nm", "-D", "--defined-only", "--format=posix", str(library)))
        trouble += [f"{component}: {text}" for text in broken_rules(symbols, declared)]
        path = ROOT / "cmake" / "exports" / f"{component}.txt"
        new = listed(symbols)
        total += len(new)
        if rewrite:
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(name + "\n" for name in new))
        old = path.read_text().splitlines() if path.exists() else []
        trouble += difference(component, old, new)
    for line in trouble:
        print(line)
    if any("list" in line or "longer" in line for line in trouble):
        print(f"if that is meant: {sys.argv[0]} {build} --rewrite")
    print(f"check_exports: {total} names in {len(found)} libraries, {len(trouble)} differences")
    return 1 if trouble else 0


# --- Self-test ------------------------------------------------------------------------------------

HEADER = "namespace clusterkit { class Node { void Meet(); class Impl; }; }  // Not Inside."
CLEAN = ["_ZN10clusterkit4Node4MeetEv T", "_ZTVN10clusterkit4NodeE D", "_ZSt4swapIiEvRT_S1_ W"]
PLANTED = [
    ("_ZN10clusterkit2v14Node5ClearEv T", "internal"),
    ("_ZN10clusterkit2v14Node5ClearEv W", "internal"),
    ("_ZN10clusterkit4Node4Impl4MeetEv T", "internal"),
    ("_ZN10clusterkit6InsideEv T", "in no public header"),
    ("_ZN10clusterkit4Node6InsideEv T", "in no public header"),
    ("_ZN4Node4MeetEv T", "not in namespace"),
    ("Meet T", "not in namespace"),
]


def selftest() -> int:
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        (root / "include").mkdir()
        (root / "include" / "node.h").write_text(HEADER)
        declared = words_of_headers(root)
    for line, expected in [("", "")] + PLANTED:
        found = list(broken_rules(parse("\n".join(CLEAN + [line])), declared))
        if not (len(found) == 1 and expected in found[0] if line else not found):
            failed += 1
            print(f"selftest: {line or 'clean'}: expected {expected or 'nothing'!r}, found {found}")
    names = listed(parse("\n".join(CLEAN)))
    compared = list(difference("node", ["clusterkit::Node::Leave"], names))
    if names != ["clusterkit::Node::Meet"] or len(compared) != 2:
        failed += 1
        print(f"selftest: list: found {names}, {compared}")
    print(f"selftest: {len(PLANTED) + 2 - failed} passed, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", nargs="?", type=pathlib.Path)
    parser.add_argument("--rewrite", action="store_true",
                        default=os.environ.get("CLUSTERKIT_REWRITE") == "1")
    parser.add_argument("--selftest", action="store_true")
    arguments = parser.parse_args()
    if arguments.selftest:
        return selftest()
    if arguments.build is None:
        parser.error("which build?")
    return check(arguments.build, arguments.rewrite)


if __name__ == "__main__":
    sys.exit(main())
