#!/usr/bin/env python3
"""Tests what the documentation shows: its commands, snippets, excerpts, links and diagrams.

  doc_test.py text                 kinds, excerpts, and commands that are steps of .ci/run
  doc_test.py shell --build DIR    runs the commands
  doc_test.py cmake --build DIR    configures projects with the CMake blocks
  doc_test.py cpp --program FILE   runs the programs in the pages
  doc_test.py write-cpp FILE       writes the source of that program
  doc_test.py facts                tables that must name all that the code has
  doc_test.py links                links, and files that the text names
  doc_test.py --selftest           proves that each check finds what it is for

pages.py tells how a block says how it is tested. A command of which .ci/run or a test runs the
script is not run again, but its script, options, presets and labels must exist.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import time
from typing import List, Sequence

import cmake
import cpp
import excerpts
import facts
import links
import pages
import shell
import steps
from pages import Block

ROOT = pages.ROOT


def report(subject: str, faults: Sequence[str], counts: str) -> int:
    for fault in faults:
        print(fault)
    print(f"{subject}: {counts}, {len(faults)} faults")
    return 1 if faults else 0


def commands(block: Block) -> List[str]:
    if block.kind == "console":
        return [command.text for command in shell.commands_of(block)]
    if block.kind == "sh":
        joined = "\n".join(block.lines).replace("\\\n", " ")
        return [line for line in joined.split("\n") if steps.split(line)]
    return []


def is_step(block: Block, known: steps.Steps) -> bool:
    """All of its commands are for steps.py: the block is not run here."""
    texts = commands(block)
    return block.kind == "sh" and all(known.owns(steps.split(text)) for text in texts)


def check_text(root: pathlib.Path = ROOT) -> int:
    known = steps.Steps(root)
    faults: List[str] = []
    count = {"excerpts": 0, "JSON": 0, "steps of CI": 0, "only for nights": 0, "not testable": 0}
    blocks = pages.all_blocks(root)
    for block in blocks:
        if "from" in block.directives:
            count["excerpts"] += 1
            fault = excerpts.fault(block, root)
            faults += [fault] if fault else []
        elif "not" in block.directives:
            count["not testable"] += 1
        elif block.kind == "json":
            count["JSON"] += 1
            try:
                json.loads("\n".join(block.lines))
            except ValueError as error:
                faults.append(f"{block.place}: {error}")
        elif block.kind == "sh" and is_step(block, known):
            for text in commands(block):
                words = steps.split(text)
                count["steps of CI" if known.is_run(words) else "only for nights"] += 1
                fault = known.fault(words)
                faults += [f"{block.place}: {text}: {fault}"] if fault else []
        elif block.kind == "sh" and any(known.owns(steps.split(text))
                                        and steps.split(text)[0] not in steps.TOOLS
                                        for text in commands(block)):
            faults.append(f"{block.place}: steps of CI and other commands: make it two blocks")
    counts = ", ".join(f"{number} {what}" for what, number in count.items())
    return report("doc_test text", faults, f"{len(blocks)} blocks: {counts}")


def check_shell(build: pathlib.Path, only: str) -> int:
    known = steps.Steps(ROOT)
    faults: List[str] = []
    blocks_run = commands_run = 0
    blocks = [block for block in pages.all_blocks(ROOT)
              if block.kind in ("sh", "console") and not is_step(block, known)]
    for page in pages.pages(ROOT):
        todo = [block for block in blocks if block.page == page]
        if not todo or only and only != page:
            continue
        sandbox = shell.Sandbox(ROOT, build)
        try:
            for block in todo:
                run = sandbox.console if block.kind == "console" else sandbox.script
                started = time.monotonic()
                fault = run(block)
                print(f"{time.monotonic() - started:6.2f} s  {block.place}")
                blocks_run += 1
                commands_run += len(commands(block))
                if fault:
                    faults.append(fault)
                    break  # What follows on the page rests on it.
        finally:
            sandbox.close()
    return report("doc_test shell", faults, f"{blocks_run} blocks, {commands_run} commands run")


def compiled_blocks(root: pathlib.Path = ROOT) -> List[Block]:
    return [block for block in pages.all_blocks(root)
            if block.kind == "cpp" and "from" not in block.directives]


def write_cpp(file: pathlib.Path) -> int:
    text = cpp.source(compiled_blocks())
    if not file.is_file() or file.read_text() != text:
        file.write_text(text)
    return 0


def check_cpp(program: pathlib.Path) -> int:
    faults = []
    blocks = compiled_blocks()
    programs = [block for block in blocks if cpp.is_program(block)]
    for block in programs:
        try:
            done = subprocess.run([program, block.place], capture_output=True, text=True,
                                  timeout=60)
        except subprocess.TimeoutExpired:
            faults.append(f"{block.place}: does not end")
            continue
        if done.returncode != 0:
            faults.append(f"{block.place}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return report("doc_test cpp", faults, f"{len(blocks)} blocks compiled, {len(programs)} run")


def check_facts(root: pathlib.Path = ROOT) -> int:
    counts = f"{facts.count(root)} names looked up"
    return report("doc_test facts", list(facts.faults(root)), counts)


def check_cmake(build: pathlib.Path) -> int:
    blocks = [block for block in pages.all_blocks(ROOT)
              if block.kind == "cmake" and "from" not in block.directives]
    return report("doc_test cmake", list(cmake.faults(blocks, ROOT, build)),
                  f"{len(blocks)} blocks configured")


def check_links(root: pathlib.Path = ROOT) -> int:
    faults = [fault for page in pages.pages(root) for fault in links.faults(page, root)]
    counted = sum(links.count(page, root) for page in pages.pages(root))
    return report("doc_test links", faults, f"{counted} links and names of files")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?",
                        choices=("text", "shell", "cmake", "cpp", "write-cpp", "facts", "links"))
    parser.add_argument("file", nargs="?", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "release")
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--page", default="", help="shell: only this page")
    parser.add_argument("--selftest", action="store_true")
    arguments = parser.parse_args()
    if arguments.selftest:
        import selftest
        return selftest.run()
    try:
        if arguments.what == "text":
            return check_text()
        if arguments.what == "shell":
            return check_shell(arguments.build.resolve(), arguments.page)
        if arguments.what == "cmake":
            return check_cmake(arguments.build.resolve())
        if arguments.what == "cpp" and arguments.program:
            return check_cpp(arguments.program.resolve())
        if arguments.what == "write-cpp" and arguments.file:
            return write_cpp(arguments.file)
        if arguments.what == "facts":
            return check_facts()
        if arguments.what == "links":
            return check_links()
    except (pages.PageError, ValueError) as error:
        print(error)
        return 1
    parser.print_usage()
    return 2


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
