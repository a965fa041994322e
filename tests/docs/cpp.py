"""C++ blocks that are no excerpts become one source file: a namespace for each block.

A block with a main() is a program; the test runs it. One with the directive `statements` is put
into a function whose parameters are what the pages call a node, its options and so on. Compiler
messages name the page and the line.
"""

from typing import List, Sequence

from pages import Block

# What statements may speak of.
PARAMETERS = (
    "clusterkit::Node& node", "clusterkit::Options& options",
    "const clusterkit::ClusterView& view", "clusterkit::ViewReader& views",
    "const clusterkit::Event& event", "clusterkit::EventLoop& loop",
    "const clusterkit::NodeId& id", "const clusterkit::SlotSet& slots",
    "std::string_view key", "clusterkit::Instant now", "clusterkit::sim::Cluster& cluster")

HEADERS = (
    "<cstdlib>", "<cstring>", "<future>", "<iostream>", "<string>", "<string_view>", "<variant>",
    '"clusterkit/describe.h"', '"clusterkit/metrics.h"', '"clusterkit/node.h"',
    '"clusterkit/routing.h"', '"clusterkit/sim/cluster.h"')


def is_program(block: Block) -> bool:
    return any(line.startswith("int main(") for line in block.lines)


def source(blocks: Sequence[Block]) -> str:
    """The whole file. Its main() runs the program whose number is its argument."""
    includes = {f"#include {header}" for header in HEADERS}
    includes |= {line for block in blocks for line in block.lines if line.startswith("#include ")}
    out: List[str] = sorted(includes)
    programs: List[str] = []
    for number, block in enumerate(blocks):
        body = ["" if line.startswith("#include ") else line for line in block.lines]
        out.append(f"namespace block_{number} {{")
        if "statements" in block.directives:
            out.append(f"[[maybe_unused]] void Block({', '.join(PARAMETERS)}) {{")
        out.append(f'#line {block.line} "{block.page}"')
        out += body
        if "statements" in block.directives:
            out.append("}")
        out.append("}")
        if is_program(block):
            programs.append(f'if (std::strcmp(argv[1], "{block.place}") == 0) '
                            f"return block_{number}::main();")
    out.append("int main(int argc, char** argv) {")
    out.append("if (argc < 2) return EXIT_FAILURE;")
    out += programs
    out.append("return EXIT_FAILURE; }")
    return "\n".join(out) + "\n"
