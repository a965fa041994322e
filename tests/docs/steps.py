"""Commands of the documentation that are not run again, because .ci/run or a test runs them.

Nothing is listed here by hand: what .ci/run starts, what that starts, and what ctest runs is read
from the files themselves.
"""

import json
import pathlib
import re
import shlex
import subprocess
from typing import Iterable, List, Optional, Set

SCRIPT = re.compile(r"(?<![\w/.])((?:scripts|verification|tests/\w+)/[\w/]+\.(?:sh|py)|\.ci/run)")
# Who configures, builds and tests presets, and who brings the tree.
TOOLS = {"cmake", "ctest", "git", "cd"}
BINARIES = "build/release/bin/"


class Steps:
    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.cmake = "\n".join(file.read_text() for file in self._cmake_files())
        self.tests = " ".join(self.cmake.split())  # As one line, to look commands up in.
        self.labels = set(re.findall(r"\bLABELS? ([a-z]+)", self.cmake))
        self.labels |= set(re.findall(r"clusterkit_script_test\(\S+ (\w+) ", self.cmake))
        presets = json.loads((root / "CMakePresets.json").read_text())
        self.presets = {preset["name"] for preset in presets["configurePresets"]}
        self.run_by_ci = self._closure()

    def owns(self, words: List[str]) -> bool:
        """Whether it is for this class to judge the command."""
        return (words[0] in TOOLS or SCRIPT.fullmatch(words[0]) is not None
                or self._is_test(words))

    def is_run(self, words: List[str]) -> bool:
        """.ci/run or a test runs it, or all that it runs itself once everything is built."""
        if words[0] in TOOLS or words[0] in self.run_by_ci or self._is_test(words):
            return True
        calls = self._calls(words[0]) - {"scripts/install_deps.sh", "scripts/build.sh"}
        return bool(calls) and calls <= self.run_by_ci

    def fault(self, words: List[str]) -> Optional[str]:
        """What is wrong with the command; nothing if it is run anyway, or is only for nights."""
        if self._is_test(words):
            return None
        if words[0] in TOOLS:
            return self._fault_of_tool(words)
        path = self.root / words[0]
        if not path.is_file():
            return f"there is no {words[0]}"
        fault = self._fault_of_options(path, words[1:])
        if fault or self.is_run(words):
            return fault
        if path.suffix == ".sh":
            checked = subprocess.run(["bash", "-n", path], capture_output=True, text=True)
            return checked.stderr.strip() or None
        return "neither .ci/run nor a test runs this script"

    def _is_test(self, words: List[str]) -> bool:
        """A program with arguments with which ctest runs it, too."""
        if not words[0].startswith(BINARIES) or len(words) == 1:
            return False
        return f"COMMAND {' '.join(words)[len(BINARIES):]} " in self.tests

    def _fault_of_tool(self, words: List[str]) -> Optional[str]:
        for option, value in zip(words, words[1:]):
            if option == "--preset" and value not in self.presets:
                return f"there is no preset {value}"
            if option == "-L" and words[0] == "ctest":
                return self._fault_of_label(value)
        return None

    def _fault_of_options(self, script: pathlib.Path, arguments: Iterable[str]) -> Optional[str]:
        """Options are those that the script's own text speaks of."""
        text = script.read_text()
        previous = ""
        for word in arguments:
            if word.startswith("-") and not re.search(rf"(?<![\w-]){re.escape(word)}\b", text):
                return f"{script.name} does not know {word}"
            fault = self._fault_of_label(word) if previous == "-L" else None
            if fault:
                return fault
            if script.name == "build.sh" and not previous and word not in self.presets:
                return f"there is no preset {word}"
            previous = word
        return None

    def _fault_of_label(self, label: str) -> Optional[str]:
        return None if label in self.labels else f"no test has the label {label}"

    def _calls(self, script: str) -> Set[str]:
        """The scripts that a script starts, by its commands; comments do not count."""
        lines = (self.root / script).read_text().splitlines()
        code = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
        return {name for name in SCRIPT.findall(code) if (self.root / name).is_file()} - {script}

    def _closure(self) -> Set[str]:
        """What .ci/run starts, what ctest starts, and what these start."""
        todo = [".ci/run"]
        for file in self._cmake_files():
            # Tests name scripts from the top, or from where they are, after a variable.
            for name in re.findall(r"[\w/]+\.(?:py|sh)", file.read_text()):
                for path in (self.root / name.lstrip("/"), file.parent / name.lstrip("/")):
                    if path.is_file():
                        todo.append(path.resolve().relative_to(self.root).as_posix())
        done: Set[str] = set()
        while todo:
            script = todo.pop()
            if script not in done:
                done.add(script)
                todo += self._calls(script)
        return done

    def _cmake_files(self) -> List[pathlib.Path]:
        return sorted((self.root / "tests").rglob("CMakeLists.txt"))


def split(command: str) -> List[str]:
    """The words of a command, without the variables that are set for it; no comment."""
    words = shlex.split(command, comments=True)
    while words and re.match(r"\w+=", words[0]):
        words.pop(0)
    return words
