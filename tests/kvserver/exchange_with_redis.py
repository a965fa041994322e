#!/usr/bin/env python3
"""Exchanges values with redis-server by DUMP and RESTORE, both ways, and compares the digests.

  exchange_with_redis.py path/to/kvserver [path/to/redis-server]

Values come from commands, from payloads made by hand in every encoding that is read, and from
damaged payloads, which must be refused or mean the same on both sides. Exits with 1 if something
differs, with 77 without a redis-server.
"""

import itertools
import pathlib
import random
import shutil
import string
import sys
from typing import Dict, Iterator, List, Optional, Tuple

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

import payloads  # noqa: E402
from compare_with_redis import Server  # noqa: E402
from kvtools import Connection, RespError, Text  # noqa: E402

DAMAGED = 4000
BAD_DATA = "ERR Bad data format"
Command = Tuple[Text, ...]

SCORES = ["1", "-2.5", "0", "0.1", "1e300", "1e-300", "inf", "-inf", "12345678901234567", "1e17",
          "3.141592653589793", "-70000", "300", "-0"]

failures: List[str] = []


def check(good: bool, what: str) -> None:
    if not good:
        failures.append(what)
        print(what)


def error_of(connection: Connection, *words: Text) -> Optional[str]:
    connection.send(*words)
    reply = connection.read()
    return str(reply) if isinstance(reply, RespError) else None


def digest(connection: Connection, key: Text) -> str:
    return connection.call("DEBUG", "DIGEST-VALUE", key)[0]


# --- Values ---------------------------------------------------------------------------------------

def noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def made_by_commands() -> Iterator[Tuple[str, List[Command]]]:
    """A name, and what makes the value under the key `k`."""
    texts = [b"", b"x", b"0", b"-1", b"01", b"127", b"-129", b"32768", b"2147483648", b"+5",
             b"9223372036854775807", b"99999999999", b"12345678901234567890", b"\x00\r\n\xff"]
    texts += [b"ab" * half for half in (10, 11, 40, 8000, 300000)]
    texts += [noise(size, size) for size in (19, 20, 21, 63, 64, 16383, 16384, 200000)]
    texts += [string.printable.encode() * 50, noise(40, 1) * 500]
    for data in texts:
        yield f"string of {len(data)} bytes, {data[:10]!r}", [("SET", "k", data)]
    small = [data for data in texts if len(data) < 20000]
    for name, elements in {
            "one": [b"a"], "an empty one": [b""], "all": texts, "small": small,
            "numbers": [b"%d" % (n * n * n) for n in range(-500, 500)],
            "many": [b"element %d" % n for n in range(20000)],
            "large": [noise(9000, n) for n in range(10)],
            # Where the length behind an element of a listpack takes one more byte.
            "lengths": [noise(edge + n, n) for edge in (125, 16378, 2097146) for n in (-1, 0, 1)],
            "plain": [b"a", noise(1500000, 5), b"b", noise(1100000, 6)]}.items():
        yield f"list: {name}", [("RPUSH", "k", *elements)]
    for name, members in {
            "one": [b"a"], "all": texts, "small": small, "shorts": [b"1", b"-2", b"300"],
            "ints": [b"1", b"-70000"], "longs": [b"1", b"-9999999999"],
            "512 numbers": [b"%d" % n for n in range(512)],
            "513 numbers": [b"%d" % n for n in range(513)],
            "many": [b"member %d" % n for n in range(20000)]}.items():
        yield f"set: {name}", [("SADD", "k", *members)]
    for name, names in {
            "one": [b"a"], "all": texts, "small": small, "short": [b"a", b"b", b"1", b"-500"],
            "512": [b"f%d" % n for n in range(512)],
            "many": [b"field %d" % n for n in range(20000)]}.items():
        values = [name + b"!" for name in names]
        pairs = [part for pair in zip(names, values) for part in pair]
        yield f"hash: {name}", [("HSET", "k", *pairs)]
        yield f"hash: {name}, with expiry", [("HSET", "k", *pairs), ("EXPIRE", "k", 1000)]
        scores = [score for score, _ in zip(itertools.cycle(SCORES), names)]
        pairs = [part for pair in zip(scores, names) for part in pair]
        yield f"sorted set: {name}", [("ZADD", "k", *pairs)]


# What may be done to a value that was read; it must do the same wherever it came from.
CHANGES: Dict[str, List[Command]] = {
    "string": [("APPEND", "{}", "more"), ("SETRANGE", "{}", 1, "x")],
    "list": [("LPUSH", "{}", "first", 5), ("RPUSH", "{}", "last"), ("LSET", "{}", 1, "second"),
             ("LINSERT", "{}", "AFTER", "second", "third"), ("LREM", "{}", 0, "b"),
             ("LSET", "{}", -2, "x" * 3000), ("LRANGE", "{}", 0, -1), ("LPOP", "{}", 3),
             ("RPOP", "{}", 2), ("LTRIM", "{}", 0, 500)],
    "set": [("SADD", "{}", "more", 77), ("SREM", "{}", "a", "1"), ("SCARD", "{}")],
    "hash": [("HSET", "{}", "more", "x" * 100), ("HDEL", "{}", "a", "f1"),
             ("HINCRBY", "{}", "n", 5), ("HLEN", "{}")],
    "zset": [("ZADD", "{}", 2, "more", -1.5, "a"), ("ZREM", "{}", "b", "m1"),
             ("ZINCRBY", "{}", 0.1, "f1"), ("ZRANGE", "{}", 0, -1, "WITHSCORES"),
             ("ZREMRANGEBYRANK", "{}", 1, 3), ("ZCARD", "{}")],
}


def change(connection: Connection, key: str) -> List[str]:
    kind = connection.text("TYPE", key)
    requests = [[key if word == "{}" else word for word in words] for words in CHANGES[kind]]
    return [str(reply) for reply in connection.pipeline(requests)]


# --- Exchanges ------------------------------------------------------------------------------------

def there_and_back(name: str, origin: Connection, other: Connection) -> None:
    """The value `k` of `origin` goes to `other` and comes back."""
    expected = digest(origin, "k")
    for source, target, key, copy in ((origin, other, "k", "copy"), (other, origin, "copy", "k2")):
        payload = source.call("DUMP", key)
        ttl = source.call("PEXPIRETIME", key)
        error = error_of(target, "RESTORE", copy, max(ttl, 0), payload, "REPLACE", "ABSTTL")
        check(error is None, f"{name}: RESTORE says {error}")
        check(digest(target, copy) == expected, f"{name}: another value arrives")
    if change(origin, "k2") != change(other, "copy"):
        check(False, f"{name}: changes answer differently")
    check(digest(origin, "k2") == digest(other, "copy"), f"{name}: changes lead to other values")


def exchange_made(redis: Connection, kvserver: Connection) -> int:
    count = 0
    for name, commands in made_by_commands():
        digests = []
        for server, connection in (("redis", redis), ("kvserver", kvserver)):
            connection.call("FLUSHALL")
            for command in commands:
                connection.call(*command)
            digests.append(digest(connection, "k"))
            there_and_back(f"{name}, from {server}", connection,
                           kvserver if connection is redis else redis)
            count += 1
        check(digests[0] == digests[1], f"{name}: the digests differ")
    return count


def read_by_hand(redis: Connection, kvserver: Connection) -> int:
    bodies = payloads.by_hand()
    for name, body in bodies.items():
        for version in (9, 10):
            payload = payloads.sealed(body, version)
            for connection in (redis, kvserver):
                error = error_of(connection, "RESTORE", "k", 0, payload, "REPLACE")
                check(error is None, f"{name}: RESTORE says {error}")
        check(digest(redis, "k") == digest(kvserver, "k"), f"{name}: read differently")
        there_and_back(name, kvserver, redis)
    for name, body in payloads.NEWER.items():
        error = error_of(kvserver, "RESTORE", "k", 0, payloads.sealed(body, 11), "REPLACE")
        check(error is None, f"{name}: RESTORE says {error}")
        there_and_back(name, kvserver, redis)
    return len(bodies) + len(payloads.NEWER)


def refuse(redis: Connection, kvserver: Connection) -> int:
    redis.call("FLUSHALL")
    kvserver.call("FLUSHALL")
    broken = {name: payloads.sealed(body) for name, body in payloads.BROKEN.items()}
    redis.call("XADD", "x", "*", "a", "b")
    broken["what XADD made"] = redis.call("DUMP", "x")
    for name, payload in broken.items():
        error = error_of(kvserver, "RESTORE", "k", 0, payload)
        check(error == BAD_DATA, f"{name}: kvserver says {error}")
        # A string that ends early goes on into the checksum, for Redis.
        if not name.startswith("what") and not name.endswith("ends early"):
            error = error_of(redis, "RESTORE", "k", 0, payload)
            check(error == BAD_DATA, f"{name}: redis says {error}")
            redis.call("DEL", "k")
    wrong = "ERR DUMP payload version or checksum are wrong"
    good = payloads.sealed(b"\0\x01a")
    for name, payload in {"too new": payloads.sealed(b"\0\x01a", 12),
                          "much too new": payloads.sealed(b"\0\x01a", 65535),
                          "damaged": b"\1" + good[1:], "cut off": good[:-1],
                          "too short": good[-9:]}.items():
        for connection in (redis, kvserver):
            error = error_of(connection, "RESTORE", "k", 0, payload)
            check(error == wrong, f"{name}: RESTORE says {error}")
    check(kvserver.call("DBSIZE") == 0, "what was refused left something")
    return len(broken)


def read_damaged(redis: Connection, kvserver: Connection) -> int:
    draw = random.Random(20)
    bodies = [body for body in payloads.by_hand().values() if len(body) < 3000]
    taken = 0
    for number in range(DAMAGED):
        body = payloads.damaged(draw.choice(bodies), draw)
        payload = payloads.sealed(body)
        error = error_of(kvserver, "RESTORE", "k", 0, payload, "REPLACE")
        check(error in (None, BAD_DATA), f"damaged {body.hex()}: kvserver says {error}")
        if error is not None:
            continue
        # Redis is not asked about what is refused here: it takes some of it, and is hurt by some.
        taken += 1
        error = error_of(redis, "RESTORE", "k", 0, payload, "REPLACE")
        check(error is None, f"damaged {body.hex()}: redis says {error}")
        check(error is not None or digest(redis, "k") == digest(kvserver, "k"),
              f"damaged {body.hex()}: read differently")
    check(DAMAGED / 20 < taken < DAMAGED * 19 / 20, f"{taken} of {DAMAGED} damaged ones taken")
    return DAMAGED


def main() -> int:
    program = sys.argv[2] if len(sys.argv) > 2 else shutil.which("redis-server")
    if program is None:
        print("no redis-server")
        return 77
    servers: List[Server] = []
    try:
        debug = ["--enable-debug-command", "yes"]
        for path, arguments in ((program, [*debug, "--sanitize-dump-payload", "yes"]),
                                (sys.argv[1], debug)):
            servers.append(Server(path, arguments))
        with Connection(servers[0].port, 30) as redis, Connection(servers[1].port, 30) as kvserver:
            for part in (exchange_made, read_by_hand, refuse, read_damaged):
                print(f"{part.__name__}: {part(redis, kvserver)}")
    finally:
        for server in servers:
            server.stop()
    print(f"{len(failures)} differences")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
