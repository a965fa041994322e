#!/usr/bin/env python3
"""Makes Doxygen's comments of the plain ones in a header: each line stays where it is."""

import re
import sys
from typing import List

RULE = re.compile(r"^\s*// --- (.*?) -*$")
COMMENT = re.compile(r"^(\s*)//( |$)(.*)$")
BEHIND = re.compile(r"^(.*?\S)(\s+)// (.*)$")
DIRECTIVE = re.compile(r"^\s*#")


def escaped(text: str) -> str:
    """Nothing in a comment is a command."""
    return re.sub(r"([\\@<>#%&$])", r"\\\1", text)


def filtered(lines: List[str]) -> List[str]:
    out: List[str] = []
    head = True  # The comment at the top is about the file.
    in_group = False
    group_text = False  # What stands below the name of a group, up to an empty comment, is its.
    behind_code = False  # A comment stood behind code; the next line may go on with it.
    for number, line in enumerate(lines):
        rule = RULE.match(line)
        comment = COMMENT.match(line)
        if rule:
            end = "/** @} */ " if in_group else ""
            group_text = _has_group_text(lines[number + 1:])
            begin = "" if group_text else " */ /** @{ */"
            out.append(f"{end}/** @name {escaped(rule.group(1))}{begin}")
            in_group = True
        elif comment and group_text:
            group_text = bool(comment.group(3))
            out.append("    " + escaped(comment.group(3)) if group_text else "*/ /** @{ */")
        elif comment:
            mark = "///<" if behind_code and len(comment.group(1)) > 20 else "///"
            out.append(f"{comment.group(1)}{mark} {escaped(comment.group(3))}")
            continue
        elif head and not line:
            out.append("/// \\file")
            head = False
        elif in_group and re.match(r"\s*(private:|};)", line):
            out.append("/** @} */ " + line)
            in_group = False
        else:
            code = None if DIRECTIVE.match(line) else BEHIND.match(line)
            behind_code = code is not None
            out.append(f"{code.group(1)}{code.group(2)}///< {escaped(code.group(3))}" if code
                       else line)
            continue
        behind_code = False
    return out


def _has_group_text(lines: List[str]) -> bool:
    for line in lines:
        comment = COMMENT.match(line)
        if comment is None or not comment.group(3):
            return comment is not None
    return False


if __name__ == "__main__":
    with open(sys.argv[1]) as header:
        print("\n".join(filtered(header.read().splitlines())))
