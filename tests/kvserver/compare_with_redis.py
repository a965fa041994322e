#!/usr/bin/env python3
"""Gives the same requests to redis-server and kvserver and compares the raw replies.

  compare_with_redis.py path/to/kvserver [path/to/redis-server]

Each case is a list of requests on connections of its own, on an empty data set, once with RESP2 and once
with RESP3. Exits with 1 and a list of the differences if there are any, with 77 without a redis-server.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

# A request is a list of words, or bytes that are sent as they are. A string is split at blanks.
CASES = {
    "get and set": ["GET k", "SET k v", "GET k", "set K2 v2", "GET K2", "SET k", "SET", "GET", "GET a b"],
    "set conditions": ["SET k v NX", "SET k w NX", "GET k", "SET k x XX", "SET n x XX", "SET k y NX XX",
                       "SET k y GET", "SET n z GET", "SET n q NX GET", "SET m q NX GET", "SET k v FOO", "SET k v GET FOO"],
    "set expiry": ["SET k v EX 100", "TTL k", "SET k v PX 100000", "TTL k", "SET k v KEEPTTL", "TTL k", "SET k v", "TTL k",
                   "SET k v EX 0", "SET k v EX -1", "SET k v EX a", "SET k v PX 9223372036854775807", "SET k v EX 9223372036854775",
                   "SET k v EXAT 9999999999", "EXPIRETIME k", "SET k v PXAT 9999999999999", "PEXPIRETIME k", "SET k v EX", "SET k v EX 10 PX 10",
                   "SET k v EX 10 EX 20", "TTL k", "SET k v KEEPTTL EX 10", "SET k v EXAT 1", "GET k", "SET k v ex 10 nx", "TTL k",
                   "SET k v PXAT 0", "SET k v EX 10 KEEPTTL"],
    "setnx setex": ["SETNX k v", "SETNX k w", "GET k", "SETEX k 10 v", "TTL k", "SETEX k 0 v", "SETEX k -1 v", "SETEX k a v",
                    "PSETEX k 10000 v", "TTL k", "PSETEX k 0 v", "SETEX k 10", "PSETEX k 9223372036854775807 v"],
    "getset getdel getex": ["GETSET k v", "GETSET k w", "GETDEL k", "GETDEL k", "GETEX k", "SET k v", "GETEX k", "GETEX k EX 100", "TTL k",
                            "GETEX k PERSIST", "TTL k", "GETEX k EX", "GETEX k EX 10 PERSIST", "GETEX k EXAT 1", "GET k", "GETEX n EX a", "SET k v",
                            "GETEX k EX a", "GETEX k EX 0", "GETEX k NX", "GETEX k KEEPTTL", "GETEX k PX 100000", "TTL k"],
    "mget mset": ["MSET a 1 b 2", "MGET a b c", "MSET a", "MSET a 1 b", "MSETNX c 1 a 2", "MGET a c", "MSETNX c 1 d 2", "MSETNX c", "MSETNX c 1 d", "MGET"],
    "counters": ["INCR n", "INCRBY n 10", "DECR n", "DECRBY n 3", "GET n", "SET s abc", "INCR s", "SET n 9223372036854775807", "INCR n",
                 "SET n -9223372036854775808", "DECR n", "DECRBY n -9223372036854775808", "INCRBY n a", "INCRBY n 9223372036854775808",
                 "SET n 01", "INCR n", "SET n +1", "INCR n", ["SET", "n", " 1"], "INCR n", ["SET", "n", ""], "INCR n", "INCRBY n", "INCRBY m -0", "INCRBY m 1.5"],
    "incrbyfloat": ["INCRBYFLOAT f 1.5", "INCRBYFLOAT f 0.1", "INCRBYFLOAT f -1e3", "GET f", "SET f 10.50", "INCRBYFLOAT f 0.1", "SET f 5.0e3",
                    "INCRBYFLOAT f 2.0e2", "INCRBYFLOAT f abc", "SET f abc", "INCRBYFLOAT f 1", "SET f 1", "INCRBYFLOAT f inf", "INCRBYFLOAT f nan",
                    "SET f 3.0", "INCRBYFLOAT f 1.000000000000000005", "SET f 0", "INCRBYFLOAT f -0.0", "INCRBYFLOAT f 1e308", "INCRBYFLOAT f", "INCRBYFLOAT g 3", "INCRBYFLOAT g 1.0e-20"],
    "append strlen": ["APPEND k abc", "APPEND k def", "GET k", "STRLEN k", "STRLEN n", "APPEND k", "STRLEN"],
    "getrange": ["SET k Hello", "GETRANGE k 0 -1", "GETRANGE k 1 3", "GETRANGE k -3 -1", "GETRANGE k 3 1", "GETRANGE k -1 -3", "GETRANGE k 0 100",
                 "GETRANGE k 10 20", "GETRANGE k -100 2", "GETRANGE n 0 1", "GETRANGE k a b", "GETRANGE k 0 b", "SUBSTR k 0 1", "GETRANGE k -100 -99", "GETRANGE k -99 -100", "GETRANGE k"],
    "setrange": ["SETRANGE k 5 abc", "GET k", "SETRANGE k 0 X", "GET k", ["SETRANGE", "k", "0", ""], ["SETRANGE", "n", "0", ""], "EXISTS n", "SETRANGE k -1 a",
                 "SETRANGE k a b", "SETRANGE k 536870912 a", "SETRANGE k 9223372036854775807 a", "SETRANGE k 6 cdefgh", "GET k"],
    "del exists": ["MSET a 1 b 2 c 3", "EXISTS a b x a", "TOUCH a x", "DEL a b x", "UNLINK c c", "DBSIZE", "DEL", "EXISTS", "TYPE a", "SET a 1", "TYPE a"],
    "expire": ["SET k v", "EXPIRE k 100", "TTL k", "PERSIST k", "PERSIST k", "TTL k", "PTTL k", "TTL n", "PTTL n", "EXPIRETIME k", "EXPIRETIME n", "PEXPIRETIME n",
               "EXPIRE n 1", "EXPIRE k 100 XX", "EXPIRE k 100 NX", "EXPIRE k 200 NX", "EXPIRE k 50 GT", "EXPIRE k 500 GT", "TTL k", "EXPIRE k 600 LT", "EXPIRE k 60 LT",
               "TTL k", "EXPIRE k 10 NX XX", "EXPIRE k 10 GT LT", "EXPIRE k 10 NX GT", "EXPIRE k 10 foo", "EXPIRE k a", "EXPIRE k 9223372036854775807", "PEXPIRE k 9223372036854775807",
               "EXPIREAT k 9999999999", "EXPIRETIME k", "PEXPIREAT k 9999999999999", "PEXPIRETIME k", "EXPIRE k -1", "EXISTS k", "SET k v", "EXPIREAT k 1", "EXISTS k",
               "SET k v", "EXPIRE k 0", "GET k", "EXPIRE k", "PEXPIREAT k -9223372036854775808", "SET k v", "PEXPIRE k -9223372036854775808", "EXISTS k", "EXPIRE k -9223372036854775808",
               "SET k v", "EXPIRE k 10 gt", "EXPIRE k 10 lt", "EXPIRE k 20 xx gt", "TTL k", "EXPIRE k 10 nx nx"],
    "rename": ["RENAME a b", "SET a 1", "RENAME a b", "GET b", "EXPIRE b 100", "RENAME b c", "TTL c", "SET d 1", "RENAMENX c d", "RENAMENX c e", "RENAME e e", "RENAMENX e e",
               "RENAMENX x y", "RENAME x x", "RENAME d e", "TTL e", "RENAME a"],
    "keys and scan": ["KEYS *", "SET abc 1", "KEYS *", "KEYS a?c", "KEYS a[a-c]c", "KEYS a[^b]c", "KEYS x*", "KEYS", "SCAN 0", "SCAN 0 MATCH a*", "SCAN 0 MATCH x", "SCAN 0 COUNT 100 TYPE string",
                      "SCAN 0 TYPE hash", "SCAN 0 COUNT 0", "SCAN 0 COUNT a", "SCAN 0 COUNT", "SCAN a", "SCAN 0 FOO 1", "SCAN", "RANDOMKEY", "DEL abc", "RANDOMKEY"],
    "flush": ["MSET a 1 b 2", "FLUSHALL", "DBSIZE", "FLUSHALL ASYNC", "FLUSHDB SYNC", "FLUSHDB foo", "FLUSHALL SYNC ASYNC", "DBSIZE x"],
    "object": ["SET a 1", "SET b abc", ["SET", "c", "x" * 45], "OBJECT ENCODING a", "OBJECT ENCODING b", "OBJECT ENCODING c", "OBJECT ENCODING d", "OBJECT ENCODING", "OBJECT FOO a", "OBJECT"],
    "connection": ["PING", "PING x", "PING x y", "ECHO x", "ECHO", "SELECT 0", "SELECT 99", "SELECT a", "SELECT -1", "SELECT", "RESET", "RESET a", "TIME x", "QUIT"],
    "auth without password": ["AUTH a", "AUTH a b", "AUTH default b", "AUTH a b c", "AUTH"],
    "hello": ["HELLO 2", "HELLO 4", "HELLO a", "HELLO 2 FOO", "HELLO 2 AUTH x", "HELLO 2 AUTH x y", "HELLO 2 SETNAME n", "CLIENT GETNAME", ["HELLO", "2", "SETNAME", "a b"],
              "HELLO 3", "HELLO", "HELLO 3 AUTH default x SETNAME y", "GET none", "CLIENT GETNAME", "HELLO 2", "HELLO 1"],
    "resp3": ["HELLO 3", "GET none", "MGET a b", "CONFIG GET save", "CONFIG GET appendonly port-", "SET k v GET", "COMMAND INFO get nosuch", "CLIENT GETNAME", "SCAN 0", "RANDOMKEY", "KEYS *", "OBJECT ENCODING n", "SET k v XX NX"],
    "client": ["CLIENT GETNAME", "CLIENT SETNAME x", "CLIENT GETNAME", ["CLIENT", "SETNAME", "a b"], ["CLIENT", "SETNAME", ""], "CLIENT GETNAME", "CLIENT", "CLIENT FOO", "CLIENT ID x", "CLIENT SETNAME",
               "CLIENT NO-EVICT on", "CLIENT NO-EVICT off", "CLIENT NO-EVICT x", "CLIENT KILL 1:2", "CLIENT KILL ID 0", "CLIENT KILL ID a", "CLIENT KILL ID 999999", "CLIENT KILL TYPE foo",
               "CLIENT KILL TYPE replica", "CLIENT KILL ADDR 1:1", "CLIENT KILL SKIPME x", "CLIENT KILL USER foo", "CLIENT KILL ADDR", "CLIENT KILL ADDR 1:1 LADDR", "CLIENT LIST TYPE foo", "CLIENT LIST ID 1 a", "CLIENT LIST TYPE normal x",
               "CLIENT LIST ID 999999", "CLIENT LIST TYPE replica", "CLIENT LIST foo", "CLIENT REPLY foo"],
    "client reply": ["CLIENT REPLY SKIP", "PING a", "PING b", "CLIENT REPLY OFF", "PING c", "CLIENT REPLY SKIP", "PING d", "CLIENT REPLY ON", "PING e"],
    "config": ["CONFIG GET save", "CONFIG GET appendonly", "CONFIG GET foo", "CONFIG GET nosuch time?ut", "CONFIG GET MAXCLIENTS", "CONFIG GET cluster-slave-val*", "CONFIG GET", "CONFIG SET foo bar", "CONFIG SET timeout 0 timeout 1",
               "CONFIG SET maxclients abc", "CONFIG SET maxclients 0", "CONFIG SET appendonly maybe", "CONFIG SET loglevel x", "CONFIG SET daemonize yes", "CONFIG SET timeout", "CONFIG SET timeout 0 hz", "CONFIG REWRITE",
               "CONFIG FOO", "CONFIG", "CONFIG SET repl-backlog-size 1x", "CONFIG SET save abc", "CONFIG SET client-output-buffer-limit foo", ["CONFIG", "SET", "client-output-buffer-limit", "foo 1 2 3"],
               "CONFIG SET dir /nonexistent", "CONFIG SET tcp-keepalive -1", "CONFIG SET TIMEOUT 5", "CONFIG GET timeout", "CONFIG SET timeout 0", "CONFIG SET repl-backlog-size 2mb", "CONFIG GET repl-backlog-size", "CONFIG SET repl-backlog-size 1k",
               "CONFIG GET repl-backlog-size", "CONFIG SET repl-backlog-size 1048576", "CONFIG RESETSTAT", "CONFIG RESETSTAT x", "CONFIG HELP", ["CONFIG", "SET", "save", "3600 1 300 100"], "CONFIG GET save", ["CONFIG", "SET", "save", ""], "CONFIG GET save",
               "CONFIG SET cluster-node-timeout 1000 timeout a", "CONFIG GET cluster-node-timeout"],
    "unknown commands": ["FOO", "FOO a b c", ["FOO", "x" * 200], ["FOO", "a" * 60, "b" * 60, "c" * 60], ["X" * 200, "a"], ["FO\r\nO", "a\nb"], ["FOO", "a\0b"], ["", "a"], ["GET "], "COMMAND FOO", "OBJECT foo x", ["CLIENT", "F\0O"]],
    "command": ["COMMAND GETKEYS GET k", "COMMAND GETKEYS MSET a 1 b 2", "COMMAND GETKEYS FOO a", "COMMAND GETKEYS PING x", "COMMAND GETKEYS SET", "COMMAND GETKEYS SET k", "COMMAND GETKEYS RENAME a b", "COMMAND GETKEYS DEL a b c",
                "COMMAND GETKEYS OBJECT ENCODING k", "COMMAND INFO nosuch", "COMMAND LIST FILTERBY FOO x", "COMMAND LIST x", "COMMAND LIST FILTERBY MODULE x", "COMMAND DOCS nosuch", "COMMAND COUNT x", "COMMAND LIST FILTERBY ACLCAT nosuch"],
    "cluster is off": ["CLUSTER NODES", "CLUSTER", "READONLY", "READWRITE", "ASKING", "CLUSTER KEYSLOT a"],
    "wait": ["WAIT 0 0", "WAIT a 0", "WAIT 0 a", "WAIT 0 -1", "WAIT 1 20", "ROLE", "ROLE x"],
    "debug shutdown": ["DEBUG", "DEBUG FOO", "DEBUG SLEEP", "DEBUG SLEEP 0", "SHUTDOWN FOO", "SHUTDOWN ABORT", "SHUTDOWN SAVE NOSAVE", "SHUTDOWN ABORT NOW"],
    "inline": [b"PING\r\n", b"ping\n", b"SET k \"a\\x41\\n\"\r\nGET k\r\n", b"SET k 'it\\'s'\r\nGET k\r\n", b"\r\n\r\nPING\r\n", b"   PING   \r\n", b"ECHO \"a\"b\r\n"],
    "inline quotes 2": [b"ECHO 'abc\r\n"], "inline quotes 3": [b"ECHO \"\"\r\n", b"ECHO ''\r\n", b"\"ECHO\" a\"b\"\r\n"],
    "inline too big": [b"A" * 70000],
    "protocol: bad count": [b"*x\r\n"], "protocol: huge count": [b"*2147483648\r\n"], "protocol: negative count": [b"*-1\r\nPING\r\n"], "protocol: zero count": [b"*0\r\nPING\r\n"],
    "protocol: no dollar": [b"*1\r\n+PING\r\n"], "protocol: bad bulk": [b"*1\r\n$x\r\n"], "protocol: negative bulk": [b"*1\r\n$-1\r\n"], "protocol: huge bulk": [b"*1\r\n$536870913\r\n"],
    "protocol: leading zero": [b"*01\r\n$4\r\nPING\r\n"], "protocol: leading zero 2": [b"*1\r\n$04\r\nPING\r\n"], "protocol: plus": [b"*+1\r\n$4\r\nPING\r\n"], "protocol: empty count": [b"*\r\n"],
    "protocol: empty bulk size": [b"*1\r\n$\r\n"], "protocol: empty name": [b"*1\r\n$0\r\n\r\nPING\r\n"], "protocol: after error": [b"PING\r\n*1\r\n!\r\nPING\r\n"],
    "protocol: long count": [b"*" + b"1" * 70000], "protocol: long bulk count": [b"*1\r\n$" + b"1" * 70000], "protocol: int64 overflow": [b"*9223372036854775808\r\n"],
    "pipeline": [b"".join(b"*3\r\n$3\r\nSET\r\n$%d\r\nk%d\r\n$1\r\nv\r\n" % (len(str(i)) + 1, i) for i in range(3000)), b"PING\r\nGET k7\r\n*1\r\n$6\r\nDBSIZE\r\n"],
    "large value": [["SET", "big", "x" * 3000000], "STRLEN big", "GETRANGE big 2999990 -1", "GET big", "APPEND big y", "STRLEN big"],
    "http": [b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"], "http 2": [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
    "quit in a pipeline": [b"QUIT\r\nPING\r\n"],
    "binary": [["SET", "k\0\xff", "v\r\n\0"], ["GET", "k\0\xff"], ["STRLEN", "k\0\xff"], ["KEYS", "k*"], ["APPEND", "k\0\xff", "\0"], ["GETRANGE", "k\0\xff", "0", "-1"]],
}

WITH_PASSWORD = {
    "no auth": ["PING", "GET k", "FOO", "GET", "HELLO 3", "HELLO 2 AUTH default wrong", "AUTH wrong", "AUTH default wrong", "AUTH nobody secret", "AUTH secret", "GET k", "RESET", "GET k", "HELLO 2 AUTH default secret", "PING", "QUIT"],
    "auth then hello": ["AUTH default secret", "HELLO 3", "PING"],
    "unauthenticated large": [b"*11\r\n"], "unauthenticated bulk": [b"*1\r\n$16385\r\n"], "quit unauthenticated": ["QUIT"],
}

COMMANDS = ("get set setnx setex psetex getset getdel getex mget mset msetnx append strlen getrange substr setrange incr decr incrby decrby incrbyfloat del unlink exists touch type "
            "dbsize flushall flushdb randomkey rename renamenx keys scan expire pexpire expireat pexpireat expiretime pexpiretime ttl pttl persist info time shutdown debug ping echo quit "
            "select auth hello reset readonly readwrite asking wait role object|encoding client|id client|kill client|list config|get config|set command|info command|getkeys").split()
for name in COMMANDS:
    CASES["COMMAND INFO " + name] = ["COMMAND INFO " + name]

# What differs by nature: ids, times, and what a stand-alone server has besides.
MASKS = [
    (re.compile(rb"(\$2\r\nid\r\n):\d+"), rb"\1:N"),
]


def encode(request):
    if isinstance(request, bytes):
        return request
    words = request.split() if isinstance(request, str) else request
    data = [w.encode("latin-1") for w in words]
    return b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%s\r\n" % (len(d), d) for d in data)


class Server:
    def __init__(self, program, extra=()):
        self.dir = tempfile.mkdtemp(prefix="compare-")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = subprocess.Popen(
            [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self.dir, "--enable-debug-command", "yes", *extra],
            stdout=subprocess.DEVNULL)
        deadline = time.time() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if time.time() > deadline or self.process.poll() is not None:
                    raise RuntimeError(program + " does not start")
                time.sleep(0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)


def receive_until(sock, marker):
    """All bytes up to the marker, or up to the end of the connection."""
    data = b""
    while marker not in data:
        try:
            part = sock.recv(1 << 20)
        except (ConnectionResetError, TimeoutError, socket.timeout) as error:
            return data + b"<" + type(error).__name__.encode() + b">"
        if not part:
            return data + b"<closed>"
        data += part
    return data[:data.index(marker)]


def replies(port, requests, resp3):
    """The raw reply to each request. A PING with a marker behind each tells where its reply ends."""
    out = []
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.settimeout(5)
    if resp3:
        sock.sendall(encode("HELLO 3"))
        receive_until(sock, b"*0\r\n")
    for i, request in enumerate(requests):
        marker = b"$9\r\nmark%05d\r\n" % i
        try:
            sock.sendall(encode(request) + encode(["ECHO", "mark%05d" % i]))
        except OSError:
            out.append(b"<closed>")
            break
        data = receive_until(sock, marker)
        for pattern, by in MASKS:
            data = pattern.sub(by, data)
        out.append(data)
        if data.endswith(b">"):
            break
    sock.close()
    return out


def reset(port):
    sock = socket.create_connection(("127.0.0.1", port), 5)
    sock.sendall(encode("FLUSHALL"))
    receive_until(sock, b"\r\n")
    sock.close()


def compare(cases, redis, kvserver, resp3):
    differences = 0
    for name, requests in cases.items():
        both = []
        for server in (redis, kvserver):
            if not cases is WITH_PASSWORD:
                reset(server.port)
            both.append(replies(server.port, requests, resp3 and cases is not WITH_PASSWORD))
        for i, (expected, actual) in enumerate(zip(*both)):
            # A closed connection may or may not be reset, which is a matter of timing.
            normal = [re.sub(rb"<\w+>$", b"<closed>", reply) for reply in (expected, actual)]
            if normal[0] != normal[1]:
                differences += 1
                at = next((j for j, (a, b) in enumerate(zip(expected, actual)) if a != b), min(len(expected), len(actual)))
                part = slice(max(0, at - 40), at + 120)
                print("%s, RESP%d, %s, at byte %d:\n  redis    %r\n  kvserver %r"
                      % (name, 3 if resp3 else 2, str(requests[i])[:100], at, expected[part], actual[part]))
        if len(both[0]) != len(both[1]):
            differences += 1
            print("%s: redis answered %d requests, kvserver %d" % (name, len(both[0]), len(both[1])))
    return differences


def main():
    redis_program = sys.argv[2] if len(sys.argv) > 2 else shutil.which("redis-server")
    if redis_program is None:
        print("no redis-server")
        return 77
    differences = 0
    for cases, extra in ((CASES, ()), (WITH_PASSWORD, ("--requirepass", "secret"))):
        servers = []
        try:
            for program in (redis_program, sys.argv[1]):
                servers.append(Server(program, extra))
            for resp3 in (False, True):
                differences += compare(cases, *servers, resp3)
        finally:
            for server in servers:
                server.stop()
    count = sum(len(r) for r in CASES.values()) + sum(len(r) for r in WITH_PASSWORD.values())
    print("%d requests, %d differences" % (2 * count, differences))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
