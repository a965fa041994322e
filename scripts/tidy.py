#!/usr/bin/env python3
"""House rules that a compiler does not check; CONTRIBUTING.md gives the reasons.

  scripts/tidy.py [--root DIR]   one line for each violation; exit status 1 if any
  scripts/tidy.py --selftest     proves that each rule finds what it is for
"""

import argparse
import pathlib
import re
import sys
import tempfile
from typing import Dict, Iterator, List, NamedTuple

from check_layers import PURE, layer_of

TOPS = ("include", "src", "proto", "examples", "tests", "fuzz", "bench", "cmake", "scripts",
        "verification", "docs", ".ci")
CPP = {".h", ".cc"}
CODE = CPP | {".proto", ".py", ".sh", ".cmake", ".pml"}
PROSE = {".md"}

MAX_COLUMNS = 100
MAX_LINES = {".cc": 600, ".h": 450}

# The protocol is a function of its inputs: no clock, no foreign randomness, no iteration order
# that differs from run to run.
IMPURE = re.compile(
    r"absl::Now\b|\buv_now\b|\bsteady_clock\b|\bsystem_clock\b|\bhigh_resolution_clock\b|"
    r"\bclock_gettime\b|(?<![\w.])s?rand\(|\babsl::BitGen\b|\babsl::InsecureBitGen\b|"
    r"\brandom_device\b|\bmt19937\b|\bunordered_(?:multi)?(?:map|set)\b|"
    r"\b(?:flat|node)_hash_(?:map|set)\b")

# Tests that wait for real time are slow and lie under load; those that watch processes poll with
# a deadline.
SLEEP = re.compile(r"\bsleep_for\b|\bsleep_until\b|\busleep\(|\bnanosleep\(")
TIMELESS_TESTS = ("tests/unit/", "tests/spec/", "tests/wire/", "tests/scenarios/", "tests/sim/")

# The words of the Redis text protocol have their place only where that protocol is spoken.
OLD_WORDS = re.compile(r"(?i)\bmaster|\bslave|_master|_slave")
OLD_WORDS_ALLOWED = re.compile(
    r"^(examples/kvserver/|src/file/|tests/process/|tests/kvserver/|scripts/|docs/|"
    r".*nodes_conf|.*state_store|.*state_file)")

# Spelled in two parts, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
FOREIGN_PATH = re.compile(r"/wor" r"k/")


class Violation(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def files(root: pathlib.Path) -> Iterator[pathlib.Path]:
    yield from sorted(path for path in root.iterdir() if path.suffix in PROSE and path.is_file())
    for top in TOPS:
        for path in sorted((root / top).rglob("*")):
            named = path.name == "CMakeLists.txt" or path.parent.name == ".ci"
            if path.is_file() and (path.suffix in CODE | PROSE or named):
                yield path


def guards_for(path: str) -> List[str]:
    """Include guards that a header may have."""
    name = re.sub(r"[^A-Z0-9]", "_", path.upper())
    for prefix, replacements in (("INCLUDE_CLUSTERKIT_", ["CLUSTERKIT_"]),
                                 ("SRC_", ["CLUSTERKIT_SRC_", "CLUSTERKIT_"]),
                                 ("EXAMPLES_KVSERVER_", ["KVSERVER_"]),
                                 ("", ["CLUSTERKIT_"])):
        if name.startswith(prefix):
            return [replacement + name[len(prefix):] + "_" for replacement in replacements]
    return []


class Tidy:
    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.violations: List[Violation] = []
        self.guards: Dict[str, str] = {}

    def run(self) -> List[Violation]:
        for file in files(self.root):
            path = file.relative_to(self.root).as_posix()
            text = file.read_text(errors="replace")
            lines = text.splitlines()
            self.check_text(path, file.suffix, text, lines)
            if file.suffix in CPP:
                self.check_cpp(path, file.suffix, lines)
        return self.violations

    def report(self, path: str, line: int, text: str) -> None:
        self.violations.append(Violation(path, line, text))

    def check_text(self, path: str, suffix: str, text: str, lines: List[str]) -> None:
        if text and not text.endswith("\n"):
            self.report(path, len(lines), "no newline at the end")
        for number, line in enumerate(lines, 1):
            if suffix not in PROSE:
                if len(line) > MAX_COLUMNS:
                    self.report(path, number, f"{len(line)} columns, {MAX_COLUMNS} allowed")
                if line != line.rstrip():
                    self.report(path, number, "trailing blank")
            if "\t" in line:
                self.report(path, number, "tab")
            found = UNFINISHED.search(line)
            if found:
                self.report(path, number, f"{found.group()}: do it, or write it into an issue")
            if FOREIGN_PATH.search(line):
                self.report(path, number, "a path that exists on one machine only")

    def check_cpp(self, path: str, suffix: str, lines: List[str]) -> None:
        if len(lines) > MAX_LINES[suffix]:
            self.report(path, len(lines), f"{len(lines)} lines, {MAX_LINES[suffix]} allowed: "
                                          "more than one subject?")
        if suffix == ".h":
            self.check_guard(path, lines)
        pure = layer_of(path) in PURE
        for number, line in enumerate(lines, 1):
            code = line.split("//", 1)[0]
            found = IMPURE.search(code) if pure else None
            if found:
                self.report(path, number, f"{found.group()} in layer {layer_of(path)}: time and "
                                          "randomness are parameters, containers are ordered")
            found = OLD_WORDS.search(line) if not OLD_WORDS_ALLOWED.match(path) else None
            if found:
                self.report(path, number, "say primary and replica")
            found = SLEEP.search(code) if path.startswith(TIMELESS_TESTS) else None
            if found:
                self.report(path, number, f"{found.group()}: this test has virtual time")

    def check_guard(self, path: str, lines: List[str]) -> None:
        allowed = guards_for(path)
        guard = next((line.split()[1] for line in lines
                      if line.startswith("#ifndef ") and len(line.split()) > 1), "")
        if guard not in allowed or f"#define {guard}" not in lines:
            self.report(path, 1, f"include guard should be {allowed[0]}")
        elif lines[-1] != f"#endif  // {guard}":
            self.report(path, len(lines), f"should end with #endif  // {guard}")
        elif guard in self.guards:
            self.report(path, 1, f"{self.guards[guard]} has the same include guard")
        self.guards.setdefault(guard, path)


# --- Self-test ------------------------------------------------------------------------------------

def header(guard: str, body: str = "") -> str:
    return f"#ifndef {guard}\n#define {guard}\n{body}\n#endif  // {guard}\n"


CLEAN = {
    "include/clusterkit/slot.h": header("CLUSTERKIT_SLOT_H_", "// No steady_clock, no rand()."),
    "src/base/check.h": header("CLUSTERKIT_SRC_BASE_CHECK_H_"),
    "src/core/node_core.cc": "int operand(int x);\nint y = operand(1);\n",
    "src/uv/loop.cc": "auto x = uv_now(loop);\n",
    "src/sim/network.cc": "std::unordered_map<int, int> x;\n",
    "src/file/nodes_conf.cc": '// "myself,master"\n',
    "tests/unit/nodes_conf_test.cc": '// "myself,slave"\n',
    "tests/contract/a_test.cc": "std::this_thread::sleep_for(x);\n",
    "examples/kvserver/text.h": header("KVSERVER_TEXT_H_", "// role:slave"),
    "README.md": "x" * 200 + "\n",
}

# A file, its content, and a part of the one message that is expected.
PLANTED = [
    ("src/core/x.cc", "auto t = absl::Now();\n", "absl::Now in layer core"),
    ("src/core/x.cc", "auto t = uv_now(loop);\n", "uv_now in layer core"),
    ("src/engine/x.cc", "auto t = std::chrono::steady_clock::now();\n", "steady_clock"),
    ("src/model/x.cc", "auto t = std::chrono::system_clock::now();\n", "system_clock"),
    ("src/core/x.cc", "int x = rand();\n", "rand( in layer core"),
    ("src/core/x.cc", "absl::BitGen gen;\n", "absl::BitGen"),
    ("src/base/x.cc", "std::random_device device;\n", "random_device"),
    ("src/engine/x.cc", "std::unordered_map<int, int> x;\n", "unordered_map"),
    ("include/clusterkit/gossip_engine.h",
     header("CLUSTERKIT_GOSSIP_ENGINE_H_", "absl::flat_hash_set<int> x;"), "flat_hash_set"),
    ("src/core/x.cc", "int x;\n" * 601, "601 lines"),
    ("src/core/x.h", header("CLUSTERKIT_SRC_CORE_X_H_", "int x;\n" * 450), "450 allowed"),
    ("src/uv/x.cc", "// " + "x" * 98 + "\n", "101 columns"),
    ("scripts/x.py", "# " + "x" * 99 + "\n", "101 columns"),
    ("src/uv/x.cc", "\tint x;\n", "tab"),
    ("src/uv/x.cc", "int x; \n", "trailing blank"),
    ("src/uv/x.cc", "int x;", "no newline"),
    ("src/uv/x.cc", "// TO" "DO: later\n", "do it"),
    ("docs/x.md", "FIX" "ME\n", "do it"),
    ("README.md", "See /wor" "k/x.\n", "one machine only"),
    ("src/uv/x.cc", "int master_count;\n", "say primary"),
    ("include/clusterkit/x.h", header("CLUSTERKIT_X_H_", "// The slave."), "say primary"),
    ("tests/sim/x_test.cc", "std::this_thread::sleep_for(x);\n", "virtual time"),
    ("src/uv/x.h", header("X_H"), "should be CLUSTERKIT_SRC_UV_X_H_"),
    ("include/clusterkit/x.h", header("CLUSTERKIT_Y_H_"), "should be CLUSTERKIT_X_H_"),
    ("examples/kvserver/x.h", header("CLUSTERKIT_X_H_"), "should be KVSERVER_X_H_"),
    ("src/uv/x.h", "#ifndef CLUSTERKIT_UV_X_H_\n#define CLUSTERKIT_UV_X_H_\n#endif\n",
     "should end with"),
    ("src/slot.h", header("CLUSTERKIT_SLOT_H_"), "same include guard"),
]


def selftest() -> int:
    failed = 0
    for name, text, expected in [("", "", "")] + PLANTED:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for path, content in {**CLEAN, **({name: text} if name else {})}.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(content)
            found = [str(v) for v in Tidy(root).run()]
        good = not found if not name else len(found) == 1 and expected in found[0]
        if not good:
            failed += 1
            print(f"selftest: {name or 'clean tree'}: expected {expected or 'nothing'!r}, "
                  f"found {found}")
    print(f"selftest: {len(PLANTED) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--selftest", action="store_true")
    arguments = parser.parse_args()
    if arguments.selftest:
        return selftest()
    violations = Tidy(arguments.root.resolve()).run()
    for violation in violations:
        print(violation)
    print(f"tidy: {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
