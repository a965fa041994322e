"""What the tests of kvserver's HTTP endpoint share: asking, and reading Prometheus's format."""

import http.client
import json
import re
from typing import Dict, NamedTuple, Tuple

HOST = "127.0.0.1"
PREFIX = "clusterkit_"

Labels = Tuple[Tuple[str, str], ...]

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_SAMPLE = re.compile(rf'^({_NAME})(?:\{{(.*)\}})? (\S+)$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes


def get(port: int, path: str, method: str = "GET", timeout: float = 10.0) -> Answer:
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return Answer(response.status, response.getheader("Content-Type", ""), response.read())
    finally:
        connection.close()


def get_json(port: int, path: str) -> dict:
    answer = get(port, path)
    assert answer.status == 200, answer
    assert answer.content_type == "application/json", answer
    return json.loads(answer.body)


class Metrics:
    """A page of metrics; whatever a scraper or promtool would object to is a ValueError."""

    def __init__(self, text: str) -> None:
        self.types: Dict[str, str] = {}
        self.helps: Dict[str, str] = {}
        self.samples: Dict[Tuple[str, Labels], float] = {}
        if not text.endswith("\n"):
            raise ValueError("the last line has no end")
        self._finished: set = set()
        self._family = ""
        for number, line in enumerate(text.splitlines(), 1):
            try:
                self._read(line)
            except ValueError as error:
                raise ValueError(f"line {number}: {line}: {error}") from None
        self._check_histograms()

    def value(self, name: str, **labels: str) -> float:
        return self.samples[(PREFIX + name, tuple(sorted(labels.items())))]

    def sum(self, name: str) -> float:
        return sum(value for (n, _), value in self.samples.items() if n == PREFIX + name)

    def _read(self, line: str) -> None:
        if line.startswith("# "):
            _, kind, name, rest = line.split(" ", 3)
            known = {"HELP": self.helps, "TYPE": self.types}[kind]
            if name in known:
                raise ValueError(f"second {kind}")
            if not rest.strip():
                raise ValueError(f"empty {kind}")
            known[name] = rest
            self._begin(name)
            if kind == "TYPE" and rest not in ("counter", "gauge", "histogram"):
                raise ValueError("unknown type")
            return
        match = _SAMPLE.match(line)
        if not match:
            raise ValueError("not a sample")
        name, label_text, value = match.groups()
        labels = self._labels(label_text or "")
        family = self._family_of(name)
        self._begin(family)
        if family not in self.types or family not in self.helps:
            raise ValueError("no HELP or TYPE before it")
        if self.types[family] == "counter" and not name.endswith("_total"):
            raise ValueError("a counter without _total")
        if self.types[family] != "counter" and name.endswith("_total"):
            raise ValueError("_total, but no counter")
        if (name, labels) in self.samples:
            raise ValueError("twice")
        self.samples[(name, labels)] = float(value)
        if self.types[family] != "gauge" and float(value) < 0:
            raise ValueError("negative")

    def _begin(self, family: str) -> None:
        """The lines of one family stand together."""
        if family == self._family:
            return
        self._finished.add(self._family)
        if family in self._finished:
            raise ValueError("its family ended before")
        self._family = family

    def _family_of(self, name: str) -> str:
        for suffix in ("_bucket", "_sum", "_count"):
            if name.endswith(suffix) and self.types.get(name[:-len(suffix)]) == "histogram":
                return name[:-len(suffix)]
        return name

    @staticmethod
    def _labels(text: str) -> Labels:
        labels = {}
        at = 0
        while at < len(text):
            match = _LABEL.match(text, at)
            if not match or match.group(1) in labels:
                raise ValueError("bad labels")
            labels[match.group(1)] = match.group(2)
            at = match.end()
        return tuple(sorted(labels.items()))

    def _check_histograms(self) -> None:
        for family in (name for name, kind in self.types.items() if kind == "histogram"):
            buckets = [(dict(labels)["le"], value) for (name, labels), value in self.samples.items()
                       if name == family + "_bucket"]
            bounds = [float(bound) for bound, _ in buckets]
            counts = [value for _, value in buckets]
            if not buckets or buckets[-1][0] != "+Inf":
                raise ValueError(f"{family}: no bucket +Inf at the end")
            if bounds != sorted(set(bounds)) or counts != sorted(counts):
                raise ValueError(f"{family}: buckets do not ascend")
            if counts[-1] != self.samples[(family + "_count", ())]:
                raise ValueError(f"{family}: count is not that of all buckets")
            self.samples[(family + "_sum", ())]  # KeyError: missing
