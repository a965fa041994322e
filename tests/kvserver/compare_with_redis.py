#!/usr/bin/env python3
"""Gives the same requests to redis-server and kvserver and compares the raw replies.

  compare_with_redis.py path/to/kvserver [path/to/redis-server]

The requests are in compare_cases.txt; each case runs once with RESP2 and once with RESP3. Exits
with 1 and the differences if there are any, with 77 without a redis-server.
"""

import codecs
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from typing import Dict, List, NamedTuple

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

from kvtools import Connection  # noqa: E402

# Of Redis 7.2, and one of kvserver's own.
UNKNOWN_TO_REDIS = {"client|setinfo", "cluster|myshardid", "cluster|overrule-data-guard"}

# Ids differ by nature.
MASKS = [(re.compile(rb"(\$2\r\nid\r\n):\d+"), rb"\1:N")]


class Request(NamedTuple):
    text: str
    data: bytes
    ends: bool = False  # the connection
    unordered: bool = False  # the elements of the reply


Cases = Dict[str, List[Request]]

# What a server with such arguments is asked before the first case, and until when.
PREPARE = {"--cluster-enabled": ("CLUSTER ADDSLOTSRANGE 0 12999", "CLUSTER INFO",
                                 b"cluster_state:ok")}

WORD = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')


def words_of(text: str) -> List[bytes]:
    words = []
    for word in WORD.findall(text):
        repeated = re.fullmatch(r"(.)\{(\d+)\}", word)
        if repeated:
            words.append(repeated[1].encode() * int(repeated[2]))
        elif word.startswith('"'):
            words.append(codecs.decode(word[1:-1], "unicode_escape").encode("latin-1"))
        else:
            words.append(word.encode("latin-1"))
    return words


def encode(words: List[bytes]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def requests_of(line: str) -> List[Request]:
    if line.startswith(">"):
        ends = line.startswith(">>")
        return [Request(line, b"".join(words_of(line.lstrip(">"))), ends)]
    return [Request(text, encode(words_of(text.lstrip("~"))), unordered=text.startswith("~"))
            for text in line.split(" | ")]


class Section(NamedTuple):
    """Cases for servers with the same arguments."""
    arguments: List[str]
    cases: Cases

    @property
    def protected(self) -> bool:
        return "--requirepass" in self.arguments


def read_sections() -> List[Section]:
    sections = [Section(["--enable-debug-command", "yes"], {})]
    for line in (pathlib.Path(__file__).parent / "compare_cases.txt").read_text().splitlines():
        if line.startswith("[["):
            words = line.strip("[]").split()
            words[::2] = [f"--{word}" for word in words[::2]]
            sections.append(Section(words, {}))
        elif line.startswith("["):
            name = line[1:-1]
            sections[-1].cases[name] = []
        elif line and not line.startswith("#"):
            sections[-1].cases[name] += requests_of(line)
    plain = sections[0].cases
    pipeline = b"".join(encode([b"SET", b"k%d" % i, b"v"]) for i in range(3000))
    plain["pipeline"] = [Request("3000 times SET", pipeline), *requests_of("GET k7 | DBSIZE")]
    plain["many elements"] = many_elements()
    return sections


def many_elements() -> List[Request]:
    """Containers at and beyond the sizes at which Redis changes their encoding."""
    numbers = " ".join(map(str, range(512)))
    fields = " ".join(f"f{n} v{n}" for n in range(512))
    lines = [f"SADD ints {numbers}", "OBJECT ENCODING ints", "SADD ints 512",
             "OBJECT ENCODING ints", "SREM ints 512 511", "OBJECT ENCODING ints", "~SMEMBERS ints",
             "~SRANDMEMBER ints 1000", f"HSET h {fields}", "OBJECT ENCODING h", "HGETALL h",
             "HSET h more v", "OBJECT ENCODING h", "~HGETALL h", "~HKEYS h", "HDEL h more",
             "OBJECT ENCODING h", f"RPUSH l {numbers}", "LRANGE l 100 -100", "LTRIM l 200 210",
             "LRANGE l 0 -1", f"LPUSH l {numbers}", "LPOP l 300", "LLEN l"]
    return [request for line in lines for request in requests_of(line)]


class Server:
    def __init__(self, program: str, arguments: List[str]) -> None:
        self.directory = tempfile.mkdtemp(prefix="kvserver-compare-")
        with socket.socket() as probe, socket.socket() as other:
            probe.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
            cluster_port = other.getsockname()[1]
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", self.directory, "--cluster-port", str(cluster_port), *arguments],
            stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while True:
            try:
                self.connect().close()
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.stop()
                    raise RuntimeError(f"{program} does not start") from None
                time.sleep(0.02)
        for argument in arguments:
            if argument in PREPARE:
                self.prepare(*PREPARE[argument], deadline=deadline)

    def prepare(self, request: str, question: str, answer: bytes, deadline: float) -> None:
        with self.connect() as connection:
            connection.sendall(encode(words_of(request)))
            receive_until(connection, b"\r\n")
            reply = b""
            while answer not in reply:
                if time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(f"{question}: {reply!r}")
                time.sleep(0.02)
                connection.sendall(encode(words_of(question)))
                reply = connection.recv(1 << 16)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def flush(self) -> None:
        with self.connect() as connection:
            connection.sendall(encode([b"FLUSHALL"]))
            receive_until(connection, b"\r\n")

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)
        shutil.rmtree(self.directory, ignore_errors=True)


def receive_until(connection: socket.socket, marker: bytes) -> bytes:
    """All bytes up to the marker, or up to the end of the connection."""
    data = b""
    while marker not in data:
        try:
            part = connection.recv(1 << 20)
        except socket.timeout:
            return data + b"<timeout>"
        except ConnectionResetError:
            part = b""  # closed or reset is a matter of timing
        if not part:
            return data + b"<closed>"
        data += part
    return data[:data.index(marker)]


def replies(server: Server, requests: List[Request], resp3: bool) -> List[bytes]:
    """The raw replies, up to the one with which the connection ends. The error for an unknown
    command behind each request tells where its reply ends; it comes before authentication too."""
    out: List[bytes] = []
    with server.connect() as connection:
        if resp3:
            connection.sendall(encode([b"HELLO", b"3"]))
            receive_until(connection, b"*0\r\n")
        for i, request in enumerate(requests):
            mark = b"end-of-%d" % i
            try:
                connection.sendall(request.data)
                if not request.ends:
                    connection.sendall(encode([mark]))
            except OSError:
                return out + [b"<closed>"]
            reply = receive_until(connection, b"-ERR unknown command '" + mark)
            for pattern, by in MASKS:
                reply = pattern.sub(by, reply)
            out.append(reply)
            if reply.endswith((b"<closed>", b"<timeout>")):
                break
    return out


def elements(reply: bytes) -> List[bytes]:
    """The header of an aggregate without aggregates in it, and its elements in sorted order; those
    of a map in pairs."""
    header, _, rest = reply.partition(b"\r\n")
    parts = []
    while rest:
        end = rest.index(b"\r\n") + 2
        if rest[:1] == b"$" and rest[1:2] != b"-":
            end += int(rest[1:end]) + 2
        parts.append(rest[:end])
        rest = rest[end:]
    if header[:1] == b"%":
        parts = [key + value for key, value in zip(parts[::2], parts[1::2])]
    return [header + b"\r\n", *sorted(parts)]


def about_commands(kvserver: Server) -> Cases:
    """What COMMAND knows of each command that kvserver has. Of those that hold others, Redis has
    more."""
    with Connection(kvserver.port, 30) as connection:
        listed = connection.call("COMMAND", "LIST", "FILTERBY", "PATTERN", "*")
    names = [name.decode() for name in listed]
    containers = {name.split("|")[0] for name in names if "|" in name}
    known = [name for name in names if name not in containers | UNKNOWN_TO_REDIS]
    infos = [r for name in known for r in requests_of(f"COMMAND INFO {name}")]
    keys = []
    for name in known:
        for size in range(8):
            # A number stands where some commands count their keys.
            for number_at in range(3):
                words = [f"k{i}" for i in range(1, size + 1)]
                words[number_at - 1:number_at] = ["2"] * (0 < number_at <= size)
                text = " ".join(["COMMAND GETKEYS", name.replace("|", " "), *words])
                keys += requests_of(text)
    return {"COMMAND INFO": infos, "COMMAND GETKEYS": keys}


def difference(expected: bytes, actual: bytes) -> str:
    pairs = enumerate(zip(expected, actual))
    at = next((i for i, (a, b) in pairs if a != b), min(len(expected), len(actual)))
    part = slice(max(0, at - 40), at + 120)
    return f"at byte {at}:\n  redis    {expected[part]!r}\n  kvserver {actual[part]!r}"


def compare(cases: Cases, servers: List[Server], resp3: bool, flush: bool) -> int:
    differences = 0
    for name, requests in cases.items():
        both = []
        for server in servers:
            if flush:
                server.flush()
            both.append(replies(server, requests, resp3))
        title = f"{name}, RESP{3 if resp3 else 2}"
        for request, expected, actual in zip(requests, *both):
            if request.unordered:
                expected, actual = (b"".join(elements(reply)) for reply in (expected, actual))
            if expected != actual:
                differences += 1
                print(f"{title}, {request.text[:100]}, {difference(expected, actual)}")
        if len(both[0]) != len(both[1]):
            differences += 1
            print(f"{title}: redis answered {len(both[0])} requests, kvserver {len(both[1])}")
    return differences


def main() -> int:
    redis = sys.argv[2] if len(sys.argv) > 2 else shutil.which("redis-server")
    if redis is None:
        print("no redis-server")
        return 77
    sections = read_sections()
    differences = 0
    for section in sections:
        servers: List[Server] = []
        protocols = (False,) if section.protected else (False, True)
        try:
            for program in (redis, sys.argv[1]):
                servers.append(Server(program, section.arguments))
            if "--cluster-enabled" in section.arguments:
                section.cases.update(about_commands(servers[1]))
            for resp3 in protocols:
                differences += compare(section.cases, servers, resp3, not section.protected)
        finally:
            for server in servers:
                server.stop()
    count = sum(len(requests) for section in sections for requests in section.cases.values())
    print(f"{count} requests, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
