"""Tables of the documentation that must be complete: what the code has, the page names.

Names stand in backquotes; for scenarios a link is enough.
"""

import pathlib
import re
from typing import Iterator, List, NamedTuple, Set


class Fact(NamedTuple):
    what: str
    page: str
    names: List[str]  # As the code has them.


def facts(root: pathlib.Path) -> List[Fact]:
    return [
        Fact("scenario", "docs/protocol.md",
             [f"({path})" for path in sorted(f"../tests/scenarios/{file.name}" for file in
                                             (root / "tests/scenarios").glob("*.txt"))
              if not path.endswith("CMakeLists.txt")]),
        Fact("field of the wire", "docs/wire_format.md",
             _fields((root / "proto/clusterkit/v1/bus.proto").read_text())),
        Fact("pair of the state file", "docs/state_file.md",
             re.findall(r'string_view k\w+ = "([\w-]+)"',
                        (root / "src/file/nodes_conf_text.h").read_text())),
        Fact("option", "docs/operations.md",
             _members((root / "include/clusterkit/options.h").read_text(), "Options")),
        Fact("event", "docs/operations.md",
             _alternatives((root / "include/clusterkit/event.h").read_text(), "Event")),
    ]


def faults(root: pathlib.Path) -> Iterator[str]:
    for fact in facts(root):
        if not fact.names:
            yield f"{fact.page}: found no {fact.what} in the code to look for"
        text = (root / fact.page).read_text()
        known = _named(text)
        for name in fact.names:
            if name not in known and not (name.startswith("(") and name in text):
                yield f"{fact.page}: {fact.what} {name.strip('()')} is missing"


def count(root: pathlib.Path) -> int:
    return sum(len(fact.names) for fact in facts(root))


def _named(text: str) -> Set[str]:
    return {word for quoted in re.findall(r"`([^`\n]+)`", text)
            for word in re.findall(r"[\w-]+", quoted)}


def _fields(proto: str) -> List[str]:
    """The fields of all messages; of those that choose a kind, the messages themselves."""
    code = re.sub(r"//.*", "", proto)
    field = re.compile(r"^\s+(?:(?:repeated|optional) )?([\w.]+) (\w+) = \d+\s*[;\[]", re.M)
    kinds = [kind for choice in re.findall(r"oneof \w+ \{(.*?)\}", code, re.S)
             for kind, _ in field.findall(choice)]
    rest = re.sub(r"oneof \w+ \{.*?\}", "", code, flags=re.S)
    return sorted({*kinds, *(name for _, name in field.findall(rest))})


def _members(header: str, name: str) -> List[str]:
    """The data members of a struct whose functions are static or const."""
    body = re.sub(r"//.*", "", header.partition(f"struct {name} {{")[2].partition("\n};")[0])
    found: List[str] = []
    for statement in body.split(";"):
        if "(" in statement.partition("=")[0]:
            continue
        declared = re.sub(r"\{[^}]*\}|=.*", "", statement, flags=re.S).strip()
        if declared:
            first, *others = declared.split(",")
            found += [first.split()[-1], *(word.strip() for word in others)]
    return found


def _alternatives(header: str, name: str) -> List[str]:
    variant = header.partition(f"using {name} =")[2].partition(";")[0]
    return re.findall(r"\b[A-Z]\w*", variant)
