#!/usr/bin/env python3
"""Compares #include lines with the layers of docs/architecture.md.

  scripts/check_layers.py [--root DIR]   one line for each violation; exit status 1 if any
  scripts/check_layers.py --selftest     proves that each rule finds what it is for
"""

import argparse
import pathlib
import re
import sys
import tempfile
from typing import Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

# What a layer may include, besides itself. Everything outside is listed further down.
ALLOWED: Dict[str, Set[str]] = {
    "base": set(),
    "model": {"base"},
    "engine": {"base", "model"},
    "core": {"base", "model", "engine"},
    "port": {"base", "model"},
    "wire": {"base", "model", "port"},
    "node": {"base", "model", "engine", "core", "port"},
    "file": {"base", "model", "port"},
    "uv": {"base", "model", "port"},
    "sim": {"base", "model", "engine", "core", "port", "wire", "node"},
}
PURE = {"base", "model", "engine", "core"}

# Public headers directly under include/clusterkit. Those in a directory belong to the layer of
# that name, and so do private headers under src/.
PUBLIC: Dict[str, str] = {
    "random.h": "base",
    "time.h": "base",
    "types.h": "base",
    "cluster_view.h": "model",
    "describe.h": "model",
    "event.h": "model",
    "fault_injection.h": "model",
    "message.h": "model",
    "metrics.h": "model",
    "node_details.h": "model",
    "options.h": "model",
    "persistent_state.h": "model",
    "ready.h": "model",
    "replication_status.h": "model",
    "routing.h": "model",
    "slot.h": "model",
    "trace.h": "model",
    "open_slots.h": "model",
    "slot_map.h": "model",
    "failover_coordinator.h": "engine",
    "failure_detector.h": "engine",
    "gossip_engine.h": "engine",
    "vote_ledger.h": "engine",
    "node_core.h": "core",
    "codec.h": "port",
    "event_loop.h": "port",
    "framing.h": "port",
    "observer.h": "port",
    "state_store.h": "port",
    "transport.h": "port",
    "node.h": "node",
    "view_publisher.h": "node",
}

# Engines do not know each other; the core hands results from one to the next.
ENGINES = {"failover_coordinator", "failure_detector", "gossip_engine", "vote_ledger"}
ENGINE_MAY_USE = {"failover_coordinator": {"vote_ledger"}}

# Headers that bring a clock, a thread, a lock, a file, a socket or foreign randomness.
OUTSIDE = re.compile(
    r"^(chrono|condition_variable|ctime|filesystem|fstream|future|iostream|mutex|random|"
    r"semaphore|shared_mutex|stop_token|thread|time\.h|unistd\.h|fcntl\.h|signal\.h|"
    r"pthread\.h|poll\.h|netdb\.h|(sys|arpa|netinet|linux)/.*|"
    r"absl/(log|random|synchronization|base/log)[/_.].*|absl/time/clock\.h)$")
PROTOBUF = re.compile(r"^google/protobuf/|\.pb\.h$")
UV = re.compile(r"^uv\.h$|^uv/.*\.h$")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SUFFIXES = {".h", ".cc"}


class Violation(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def layer_of(path: str) -> Optional[str]:
    """The layer of a file, named from the root of the repository; None if it has none."""
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2 and parts[1] in ALLOWED:
        return parts[1]
    if parts[:2] == ["include", "clusterkit"]:
        if len(parts) == 3:
            return PUBLIC.get(parts[2])
        if parts[2] in ALLOWED:
            return parts[2]
    return None


def target_of(header: str) -> Optional[str]:
    """The file that an include of ours names, from the root; None if it is not ours."""
    first, _, rest = header.partition("/")
    if PROTOBUF.search(header):
        return None
    if first == "clusterkit":
        return f"include/{header}"
    if first in ALLOWED and rest:
        return f"src/{header}"
    return None


def includes(path: pathlib.Path) -> Iterator[Tuple[int, bool, str]]:
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def cpp_files(root: pathlib.Path, *tops: str) -> Iterator[pathlib.Path]:
    for top in tops:
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SUFFIXES and path.is_file():
                yield path


class Checker:
    def __init__(self, root: pathlib.Path) -> None:
        self.root = root
        self.violations: List[Violation] = []

    def run(self) -> List[Violation]:
        for path in cpp_files(self.root, "include", "src"):
            self.check_library_file(path)
        for path in cpp_files(self.root, "examples"):
            self.check_host_file(path)
        for path in cpp_files(self.root, "tests", "fuzz", "bench"):
            self.check_test_file(path)
        return self.violations

    def report(self, path: str, line: int, text: str) -> None:
        self.violations.append(Violation(path, line, text))

    def check_library_file(self, file: pathlib.Path) -> None:
        path = file.relative_to(self.root).as_posix()
        layer = layer_of(path)
        if layer is None:
            self.report(path, 1, "belongs to no layer: see PUBLIC in scripts/check_layers.py")
            return
        public = path.startswith("include/")
        for line, quoted, header in includes(file):
            target = target_of(header)
            if target is None:
                self.check_foreign(path, line, layer, public, quoted, header)
                continue
            target_layer = layer_of(target)
            if target_layer is None:
                self.report(path, line, f"{header} belongs to no layer")
                continue
            if public and target.startswith("src/"):
                self.report(path, line, f"a public header includes the private {header}")
            elif target_layer != layer and target_layer not in ALLOWED[layer]:
                self.report(path, line,
                            f"layer {layer} must not include {header} of layer {target_layer}")
        if layer == "engine":
            self.check_engine(file, path)

    def check_foreign(self, path: str, line: int, layer: str, public: bool, quoted: bool,
                      header: str) -> None:
        if PROTOBUF.search(header):
            if layer != "wire" or public:
                self.report(path, line, f"protobuf ({header}) is for src/wire only")
        elif UV.match(header):
            if layer != "uv":
                self.report(path, line, f"libuv ({header}) is for layer uv only")
        elif layer in PURE and OUTSIDE.match(header):
            self.report(path, line,
                        f"layer {layer} knows no clock, thread, lock or I/O: {header}")
        elif quoted and not header.startswith("absl/"):
            self.report(path, line, f'"{header}" is no header of ours: full path from src/ or '
                                    "include/, angle brackets for the system's")

    def check_engine(self, file: pathlib.Path, path: str) -> None:
        own = file.stem
        may = {own} | ENGINE_MAY_USE.get(own, set())
        met: Set[str] = set()
        for line, _, header in includes(file):
            other = pathlib.PurePosixPath(header).stem
            target = target_of(header)
            if target is None or layer_of(target) != "engine" or other not in ENGINES:
                continue
            if own in ENGINES:
                if other not in may:
                    self.report(path, line, f"engines do not know each other: {own} -> {other}")
                continue
            met.add(other)
            # A helper serves one engine, and what that engine may use.
            if not any(met <= {one} | ENGINE_MAY_USE.get(one, set()) for one in ENGINES):
                self.report(path, line, f"a part of one engine includes {other} of another")

    def check_host_file(self, file: pathlib.Path) -> None:
        """A host sees public headers and its own files only."""
        path = file.relative_to(self.root).as_posix()
        for line, quoted, header in includes(file):
            if PROTOBUF.search(header):
                self.report(path, line, f"a host does not see protobuf: {header}")
            if not quoted:
                continue
            own = (self.root / "examples" / header, file.parent / header)
            if header.startswith(("clusterkit/", "absl/")):
                continue
            if target_of(header) is not None and not any(p.exists() for p in own):
                self.report(path, line, f"a host includes public headers only, not {header}")

    def check_test_file(self, file: pathlib.Path) -> None:
        path = file.relative_to(self.root).as_posix()
        for line, _, header in includes(file):
            allowed = path.startswith(("tests/wire/", "fuzz/", "bench/"))
            if PROTOBUF.search(header) and not allowed:
                self.report(path, line, f"protobuf ({header}) is for tests/wire, fuzz and bench")


# --- Self-test ------------------------------------------------------------------------------------

CLEAN = {
    "include/clusterkit/types.h": '#include "clusterkit/random.h"\n#include <string>\n',
    "include/clusterkit/random.h": "#include <cstdint>\n",
    "include/clusterkit/vote_ledger.h": '#include "clusterkit/types.h"\n',
    "include/clusterkit/failover_coordinator.h": '#include "clusterkit/vote_ledger.h"\n',
    "include/clusterkit/uv/uv.h": '#include <uv.h>\n#include "clusterkit/transport.h"\n',
    "include/clusterkit/transport.h": '#include "clusterkit/types.h"\n',
    "include/clusterkit/node_core.h": '#include "clusterkit/types.h"\n',
    "src/engine/candidate.cc":
        '#include "clusterkit/failover_coordinator.h"\n#include "clusterkit/vote_ledger.h"\n',
    "src/wire/codec.cc": '#include "clusterkit/v1/bus.pb.h"\n#include "base/check.h"\n',
    "src/base/check.h": "#include <cstdlib>\n",
    "src/node/node.cc": '#include <mutex>\n#include "clusterkit/node_core.h"\n',
    "examples/kvserver/main.cc":
        '#include <uv.h>\n#include "clusterkit/types.h"\n#include "kvserver/config.h"\n',
    "examples/kvserver/config.h": "#include <string>\n",
    "tests/unit/a_test.cc": '#include "base/check.h"\n#include "support/catch.h"\n',
}

# A file, its content, and a part of the one message that is expected.
PLANTED = [
    ("src/base/x.cc", '#include "clusterkit/slot_map.h"\n', "layer base must not include"),
    ("src/model/x.cc", '#include "clusterkit/gossip_engine.h"\n', "layer model must not include"),
    ("src/engine/x.cc", '#include "core/links.h"\n', "layer engine must not include"),
    ("src/core/x.cc", '#include "clusterkit/transport.h"\n', "layer core must not include"),
    ("src/core/x.cc", '#include "clusterkit/node.h"\n', "layer core must not include"),
    ("src/file/x.cc", '#include "wire/limits.h"\n', "layer file must not include"),
    ("src/core/view_publisher.h", "#include <mutex>\n", "no clock, thread, lock or I/O"),
    ("src/uv/x.cc", '#include "clusterkit/sim/cluster.h"\n', "layer uv must not include"),
    ("src/node/x.cc", '#include "clusterkit/wire/protobuf_codec.h"\n',
     "layer node must not include"),
    ("include/clusterkit/codec.h", '#include "clusterkit/node_core.h"\n',
     "layer port must not include"),
    ("include/clusterkit/slot.h", '#include "base/check.h"\n', "includes the private"),
    ("include/clusterkit/strange.h", "", "belongs to no layer"),
    ("src/extra/x.cc", "", "belongs to no layer"),
    ("src/core/x.cc", '#include "clusterkit/strange.h"\n', "belongs to no layer"),
    ("src/engine/gossip_engine.cc", '#include "clusterkit/failure_detector.h"\n',
     "engines do not know each other"),
    ("src/engine/vote_ledger.cc", '#include "clusterkit/failover_coordinator.h"\n',
     "engines do not know each other"),
    ("src/engine/x.cc",
     '#include "clusterkit/gossip_engine.h"\n#include "clusterkit/failure_detector.h"\n',
     "a part of one engine"),
    ("src/core/x.cc", "#include <mutex>\n", "no clock, thread, lock or I/O"),
    ("src/model/x.cc", "#  include <chrono>\n", "no clock, thread, lock or I/O"),
    ("src/engine/x.cc", '#include "absl/time/clock.h"\n', "no clock, thread, lock or I/O"),
    ("src/base/x.cc", "#include <sys/socket.h>\n", "no clock, thread, lock or I/O"),
    ("src/node/x.cc", "#include <google/protobuf/message_lite.h>\n", "for src/wire only"),
    ("include/clusterkit/wire/protobuf_codec.h", '#include "clusterkit/v1/bus.pb.h"\n',
     "for src/wire only"),
    ("src/node/x.cc", "#include <uv.h>\n", "layer uv only"),
    ("src/core/x.cc", '#include "links.h"\n', "no header of ours"),
    ("examples/kvserver/x.cc", '#include "base/check.h"\n', "public headers only"),
    ("examples/kvserver/x.cc", '#include "clusterkit/v1/bus.pb.h"\n', "does not see protobuf"),
    ("tests/unit/x_test.cc", '#include "clusterkit/v1/bus.pb.h"\n', "for tests/wire"),
]


def write(root: pathlib.Path, files: Dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def selftest() -> int:
    failed = 0
    for name, text, expected in [("", "", "")] + PLANTED:
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            write(root, {**CLEAN, name: text} if name else CLEAN)
            found = [str(v) for v in Checker(root).run()]
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
    violations = Checker(arguments.root.resolve()).run()
    for violation in violations:
        print(violation)
    print(f"check_layers: {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
