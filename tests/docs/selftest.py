"""Proves that each check of doc_test.py finds what it is for."""

import contextlib
import pathlib
import tempfile
from typing import List

import cpp
import excerpts
import facts
import links
import pages
import shell
import steps


trees = contextlib.ExitStack()  # Removed at the end.


def tree(files: dict) -> pathlib.Path:
    root = pathlib.Path(trees.enter_context(tempfile.TemporaryDirectory()))
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def page_fault(text: str) -> str:
    """What is wrong with a page, or nothing."""
    root = tree({"docs/x.md": text, "a.txt": "one\ntwo\nthree\nfour\n"})
    try:
        for block in pages.blocks_of("docs/x.md", root):
            if "from" in block.directives:
                fault = excerpts.fault(block, root)
                if fault:
                    return fault
            if block.kind == "console":
                shell.commands_of(block)
    except (pages.PageError, ValueError) as error:
        return str(error)
    return ""


def block(kind: str, body: str, directive: str = "") -> str:
    head = f"<!-- test: {directive} -->\n" if directive else ""
    return f"Text.\n\n{head}```{kind}\n{body}\n```\n"


PAGES = [
    # A page, and a part of what is wrong with it; empty: nothing is.
    (block("text", "one\n...\nthree", "from a.txt"), ""),
    (block("text", "two\nthree", "from a.txt"), ""),
    (block("sh", "true"), ""),
    (block("text", "anything", "not, a reason"), ""),
    ("- item\n\n    of a list\n", ""),
    (block("text", "one\nthree", "from a.txt"), "not in a.txt"),
    (block("text", "three\n...\none", "from a.txt"), "not in a.txt"),
    (block("text", "five", "from a.txt"), "not in a.txt: five"),
    (block("text", "one", "from b.txt"), "no file b.txt"),
    (block("text", "anything"), "how is this block tested?"),
    (block("text", "anything", "not"), "needs an argument"),
    (block("text", "anything", "soon"), "cannot be tested by 'soon'"),
    (block("", "anything"), "unknown"),
    (block("python", "pass"), "blocks of kind 'python' are unknown"),
    (block("sh", ""), "empty block"),
    (block("console", "no command"), "begin with a command"),
    ("Text.\n\n    indented\n", "without a kind"),
    ("```sh\ntrue\n", "does not end"),
    ("<!-- test: soon -->\n\nText.\n", "no block follows"),
]

OUTPUTS = [
    # Expected, what came, whether shape is enough, whether it matches.
    ("a  b", "a b", False, True),
    ("a\n...\nc", "a\nb\nb\nc", False, True),
    ("a\n...", "a\nb", False, True),
    ("epoch ...", "epoch 7 of 9", False, True),
    ("id 0123abcd", "id ffff0000", False, True),
    ("+1.5 s of p1", "+17 s of p23", True, True),
    ("a\n...\nc", "a\nb", False, False),
    ("a", "a\nb", False, False),
    ("a\nb", "a", False, False),
    ("epoch 7", "epoch 8", False, False),
    ("epoch 7", "term 8", True, False),
    ("id 0123abcd", "id ffff000", False, False),
]

TREE = {
    ".ci/run": "scripts/test.sh --asan\n",
    "scripts/test.sh": "# --asan\n# -L unit\nscripts/build.sh release\n",
    "scripts/build.sh": "# builds\n",
    "scripts/demo.sh": "# --keep\nscripts/build.sh release\npython3 scripts/demo.py\n",
    "scripts/demo.py": "",
    "scripts/lonely.py": "",
    "scripts/night.sh": "# --seeds\ntrue\n",
    "scripts/broken.sh": "if\n",
    "tests/CMakeLists.txt": "add_test(NAME x COMMAND sim --seeds 0-9 --jobs 1)\nLABELS unit\n"
                            "scripts/demo.py\n",
    "CMakePresets.json": '{"configurePresets": [{"name": "release"}]}',
}

COMMANDS = [
    # A command, and a part of what is wrong with it.
    ("scripts/test.sh --asan", ""),
    ("scripts/test.sh -L unit", ""),
    ("scripts/demo.sh --keep", ""),
    ("scripts/night.sh --seeds 5", ""),
    ("ctest --preset release -L unit", ""),
    ("build/release/bin/sim --seeds 0-9", ""),
    ("scripts/missing.sh", "there is no scripts/missing.sh"),
    ("scripts/test.sh --tsan", "does not know --tsan"),
    ("scripts/test.sh -L spec", "no test has the label spec"),
    ("scripts/build.sh debug", "no preset debug"),
    ("ctest --preset debug", "no preset debug"),
    ("scripts/lonely.py", "neither .ci/run nor a test"),
    ("scripts/broken.sh", "syntax error"),
]

LINKS = [
    ("[a](a.txt)", ""), ("[a](x.md#two-words)", ""), ("`src/a.cc`", ""), ("[w](https://x.y/z)", ""),
    ("```\n[a](b.txt)\n```", ""),
    ("[a](b.txt)", "b.txt, which is not there"),
    ("[a](#three)", "no such heading"),
    ("`src/b.cc`", "there is no src/b.cc"),
]


FACTS = [
    ("fields of the wire",
     facts._fields("message A {\n  oneof kind {\n    B b = 1;\n  }\n}\n"
                   "message B {\n  // bytes no = 9;\n  repeated C.D many = 1 [packed = true];\n"
                   "  enum E {\n    ZERO = 0;\n  }\n}\n"),
     ["B", "many"]),
    ("members",
     facts._members("struct Options {\n  // int no;\n  std::string a;\n  Endpoint b, c;\n"
                    "  size_t d = size_t{1} << 20;\n  static Options Lan();\n"
                    "  Status Check() const;\n};\n", "Options"),
     ["a", "b", "c", "d"]),
    ("alternatives", facts._alternatives("using Event = std::variant<A, BcD>;", "Event"),
     ["A", "BcD"]),
    ("named", sorted(facts._named("| `a`, `b-c` | d `e::f` |")), ["a", "b-c", "e", "f"]),
]


def run() -> int:
    failed: List[str] = []
    passed = 0

    def expect(name: str, found: str, part: str) -> None:
        nonlocal passed
        if (part in found) if part else not found:
            passed += 1
        else:
            failed.append(f"{name!r}: expected {part or 'nothing'!r}, found {found!r}")

    for text, part in PAGES:
        expect(text, page_fault(text), part)
    for expected, output, shape, matches in OUTPUTS:
        missing = shell.differs(expected.splitlines(), output.splitlines(), shape)
        expect(f"{expected} / {output}", "" if missing is None else "differs",
               "" if matches else "differs")
    known = steps.Steps(tree(TREE))
    for command, part in COMMANDS:
        words = steps.split(command)
        expect(command, known.fault(words) or "" if known.owns(words) else "not owned", part)
    expect("night.sh is run", str(known.is_run(["scripts/night.sh"])), "False")
    expect("another program is owned", str(known.owns(["redis-cli"])), "False")
    for text, part in LINKS:
        root = tree({"x.md": f"# Two words\n\n{text}\n", "a.txt": "", "src/a.cc": ""})
        expect(text, "\n".join(links.faults("x.md", root)), part)

    for name, found, wanted in FACTS:
        expect(name, "" if found == wanted else str(found), "")

    root = tree({"docs/x.md": block("cpp", "int main() {\n  return 0;\n}")
                 + block("cpp", "node.view();", "statements")})
    source = cpp.source(list(pages.blocks_of("docs/x.md", root)))
    expect("generated C++", "" if '#line 4 "docs/x.md"' in source
           and "block_0::main()" in source and "block_1::main()" not in source else source, "")

    trees.close()
    for line in failed:
        print(f"selftest: {line}")
    print(f"selftest: {passed} passed, {len(failed)} failed")
    return 1 if failed else 0
