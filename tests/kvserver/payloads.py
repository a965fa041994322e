"""DUMP payloads made by hand: the encodings that Redis's versions have had, written from their
description, so that what reads them is not tested by what wrote them."""

import random
import struct
from typing import Callable, Dict, List, Sequence, Union

Element = Union[int, bytes]


# --- Envelope -------------------------------------------------------------------------------------

def _crc64_table() -> List[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x95ac9329ac4bc9b5 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC64 = _crc64_table()


def crc64(data: bytes) -> int:
    total = 0
    for byte in data:
        total = _CRC64[(total ^ byte) & 0xff] ^ total >> 8
    return total


def sealed(body: bytes, version: int = 10) -> bytes:
    data = body + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


def body_of(payload: bytes) -> bytes:
    return payload[:-10]


# --- Lengths and strings --------------------------------------------------------------------------

def length(value: int) -> bytes:
    if value < 1 << 6:
        return bytes([value])
    if value < 1 << 14:
        return struct.pack(">H", 1 << 14 | value)
    if value < 1 << 32:
        return b"\x80" + struct.pack(">I", value)
    return b"\x81" + struct.pack(">Q", value)


def text(data: bytes) -> bytes:
    return length(len(data)) + data


def integer(value: int) -> bytes:
    for code, form in enumerate("bhi"):
        if -1 << 8 * struct.calcsize(form) - 1 <= value < 1 << 8 * struct.calcsize(form) - 1:
            return bytes([0xc0 | code]) + struct.pack(f"<{form}", value)
    raise ValueError(value)


def compressed(packed: bytes, size: int) -> bytes:
    return b"\xc3" + length(len(packed)) + length(size) + packed


# --- Packed containers ----------------------------------------------------------------------------

def _back_length(size: int) -> bytes:
    count = 1 + (size > 127) + (size >= 16383) + (size >= 2097151) + (size >= 268435455)
    parts = [size >> 7 * n & 127 | (128 if n < count - 1 else 0) for n in range(count)]
    return bytes(reversed(parts))


def _listpack_element(element: Element) -> bytes:
    if isinstance(element, bytes):
        size = len(element)
        if size < 1 << 6:
            return bytes([0x80 | size]) + element
        if size < 1 << 12:
            return bytes([0xe0 | size >> 8, size & 0xff]) + element
        return b"\xf0" + struct.pack("<I", size) + element
    if 0 <= element < 128:
        return bytes([element])
    if -4096 <= element < 4096:
        return struct.pack(">H", 0xc000 | element & 0x1fff)
    for head, width in ((0xf1, 2), (0xf2, 3), (0xf3, 4), (0xf4, 8)):
        if -1 << 8 * width - 1 <= element < 1 << 8 * width - 1:
            return bytes([head]) + element.to_bytes(width, "little", signed=True)
    raise ValueError(element)


def listpack(elements: Sequence[Element]) -> bytes:
    entries = b""
    for element in elements:
        entry = _listpack_element(element)
        entries += entry + _back_length(len(entry))
    return struct.pack("<IH", len(entries) + 7, min(len(elements), 65535)) + entries + b"\xff"


def _ziplist_element(element: Element) -> bytes:
    if isinstance(element, bytes):
        size = len(element)
        if size < 1 << 6:
            return bytes([size]) + element
        if size < 1 << 14:
            return struct.pack(">H", 0x4000 | size) + element
        return b"\x80" + struct.pack(">I", size) + element
    if 0 <= element <= 12:
        return bytes([0xf1 + element])
    for head, width in ((0xfe, 1), (0xc0, 2), (0xf0, 3), (0xd0, 4), (0xe0, 8)):
        if -1 << 8 * width - 1 <= element < 1 << 8 * width - 1:
            return bytes([head]) + element.to_bytes(width, "little", signed=True)
    raise ValueError(element)


def ziplist(elements: Sequence[Element]) -> bytes:
    entries, previous = b"", 0
    for element in elements:
        head = bytes([previous]) if previous < 254 else b"\xfe" + struct.pack("<I", previous)
        entry = head + _ziplist_element(element)
        entries, previous = entries + entry, len(entry)
    tail = 10 + len(entries) - previous
    return (struct.pack("<IIH", len(entries) + 11, tail, min(len(elements), 65535)) + entries +
            b"\xff")


def intset(values: Sequence[int], width: int) -> bytes:
    return struct.pack("<II", width, len(values)) + b"".join(
        value.to_bytes(width, "little", signed=True) for value in sorted(values))


# --- Values ---------------------------------------------------------------------------------------

def counted(kind: int, parts: Sequence[bytes]) -> bytes:
    return bytes([kind]) + length(len(parts)) + b"".join(parts)


MIXED: List[Element] = [
    b"", b"a", b"x" * 63, b"y" * 64, b"z" * 300, b"w" * 5000, b"v" * 16382, b"u" * 20000, b"last",
    0, 12, 13, 127, 128, -1, 4095, -4096, 4096, 32767, -32768, 32768, 8388607, -8388608, 8388608,
    2147483647, -2147483648, 2147483648, 9223372036854775807, -9223372036854775808]
UNIQUE = [b"a", b"", b"long" * 100, 5, -5, 100000, 9999999999]


def _pairs(elements: Sequence[Element], values: Sequence[Element]) -> List[Element]:
    return [part for pair in zip(elements, values) for part in pair]


def digits(element: Element) -> bytes:
    return element if isinstance(element, bytes) else b"%d" % element


def by_hand() -> Dict[str, bytes]:
    """Values in each encoding that is read, without version and checksum."""
    some = [b"a", 1, b"bb", -70000, b"c" * 100]
    plain = [text(digits(element)) for element in MIXED]
    hash_parts = _pairs(UNIQUE, MIXED)
    many = [n * 3 for n in range(200)]
    bodies = {
        "string": b"\0" + text(b"hello"),
        "string of no bytes": b"\0" + text(b""),
        "string with a length of 32 bits": b"\0\x80" + struct.pack(">I", 3) + b"abc",
        "string with a length of 64 bits": b"\0\x81" + struct.pack(">Q", 3) + b"abc",
        "compressed string": b"\0" + compressed(b"\x00a\xe0\x57\x00\x01bc", 99),
        "plain list": counted(1, plain),
        "plain list of integers": counted(1, [integer(5), integer(-300), integer(70000)]),
        "plain set": counted(2, [text(digits(element)) for element in UNIQUE]),
        "plain set of integers": counted(2, [integer(n) for n in many]),
        "plain hash": counted(4, [text(digits(a)) + text(digits(b))
                                  for a, b in zip(UNIQUE, MIXED)]),
        "list as ziplist": b"\x0a" + text(ziplist(MIXED)),
        "hash as ziplist": b"\x0d" + text(ziplist(hash_parts)),
        "list of ziplists": counted(14, [text(ziplist(MIXED)), text(ziplist(some))]),
        "hash as listpack": b"\x10" + text(listpack(hash_parts)),
        "list of listpacks": counted(18, [length(2) + text(listpack(MIXED)),
                                          length(2) + text(listpack(some))]),
        "list with a plain node": counted(18, [length(2) + text(listpack(some)),
                                               length(1) + text(b"p" * 70000),
                                               length(2) + text(listpack(some))]),
        "long list of listpacks": counted(18, [length(2) + text(listpack(many * 20))] * 3),
    }
    for number in (5, -128, 127, 300, -32768, 70000, -2147483648):
        bodies[f"string {number}"] = b"\0" + integer(number)
    for width in (2, 4, 8):
        top = (1 << 8 * width - 1) - 1
        bodies[f"set as intset of {width} bytes"] = b"\x0b" + text(
            intset([0, 1, -1, top, -top - 1, 300], width))
    scores = [1.0, -2.5, 0.0, 1e300, float("inf"), float("-inf"), 0.1]
    bodies["sorted set"] = counted(5, [text(digits(name)) + struct.pack("<d", score)
                                       for name, score in zip(UNIQUE, scores)])
    bodies["large sorted set"] = counted(5, [text(b"m%d" % n) + struct.pack("<d", -n / 3)
                                             for n in range(300)])
    bodies["sorted set with printed scores"] = counted(3, [
        text(digits(name)) + score for name, score in zip(
            UNIQUE, [b"\x011", b"\x04-2.5", b"\x010", b"\x051e300", b"\xfe", b"\xff", b"\x030.1"])])
    packed: List[Element] = [b"low", b"-inf", b"a", -70000, b"b", 0, 7, 1, b"c", b"1.5", b"d" * 64,
                             b"3.25", b"high", b"inf"]
    bodies["sorted set as ziplist"] = b"\x0c" + text(ziplist(packed))
    bodies["sorted set as listpack"] = b"\x11" + text(listpack(packed))
    return bodies


# Redis 7.0 does not know these yet.
NEWER = {"set as listpack": b"\x14" + text(listpack(UNIQUE))}

# Malformed, though the checksum is right.
BROKEN = {
    "nothing": b"",
    "no contents": b"\0",
    "a type that there is not": b"\x63\x01a",
    "a module": b"\x07\x01a",
    "a string that ends early": b"\0\x05abcd",
    "a string of 2^64 - 1 bytes": b"\0\x81" + b"\xff" * 8 + b"abc",
    "an unknown encoding of a string": b"\0\xc4abc",
    "an integer that ends early": b"\0\xc2\x01\x00\x00",
    "a compressed string that is longer than it says": b"\0" + compressed(b"\x02abc", 2),
    "a compressed string that is shorter than it says": b"\0" + compressed(b"\x02abc", 4),
    "a repetition of what is not there": b"\0" + compressed(b"\x00a\x20\x01", 4),
    "a compressed string of 2^62 bytes": b"\0" + compressed(b"\x02abc", 1 << 62),
    "an empty list": counted(1, []),
    "an empty set": counted(2, []),
    "an empty hash": counted(4, []),
    "an empty list of listpacks": counted(18, []),
    "a list of one empty listpack": counted(18, [length(2) + text(listpack([]))]),
    "a hash as an empty listpack": b"\x10" + text(listpack([])),
    "2^63 elements of which one is there": b"\x01\x81" + struct.pack(">Q", 1 << 63) + text(b"a"),
    "2^63 members of which one is there": b"\x02\x81" + struct.pack(">Q", 1 << 63) + text(b"a"),
    "2^63 fields of which one is there": b"\x04\x81" + struct.pack(">Q", 1 << 63) + text(b"a") * 2,
    "a field without a value": b"\x10" + text(listpack([b"a", b"b", b"c"])),
    "a field without a value in a ziplist": b"\x0d" + text(ziplist([b"a"])),
    "a field twice": b"\x10" + text(listpack([b"a", 1, b"a", 2])),
    "an empty sorted set": counted(5, []),
    "a member of a sorted set twice": counted(5, [text(b"a") + struct.pack("<d", 1)] * 2),
    "a score that is not a number": counted(5, [text(b"a") + struct.pack("<d", float("nan"))]),
    "a score that ends early": counted(5, [text(b"a") + b"\0\0\0"]),
    "a member without a score": b"\x11" + text(listpack([b"a", 1, b"b"])),
    "a listpack that is cut off": b"\x10" + text(listpack([b"a", b"b"])[:-1]),
    "a listpack of another size": b"\x10" + text(b"\x20" + listpack([b"a", b"b"])[1:]),
    "a listpack of another count": b"\x10" + text(
        listpack([b"a", b"b"])[:4] + b"\x04\x00" + listpack([b"a", b"b"])[6:]),
    "a listpack with a wrong back length": b"\x10" + text(
        listpack([b"a", b"b"])[:8] + b"\x03" + listpack([b"a", b"b"])[9:]),
    "a ziplist of another size": b"\x0a" + text(b"\x20" + ziplist([b"a", b"b"])[1:]),
    "a ziplist with a wrong tail": b"\x0a" + text(
        ziplist([b"a", b"b"])[:4] + b"\x0b" + ziplist([b"a", b"b"])[5:]),
    "a ziplist with a wrong previous length": b"\x0a" + text(
        ziplist([b"a", b"b"])[:13] + b"\x04" + ziplist([b"a", b"b"])[14:]),
    "an intset of another width": b"\x0b" + text(intset([1, 2], 2).replace(b"\x02", b"\x03", 1)),
    "an intset of another count": b"\x0b" + text(intset([1, 2], 4)[:-1]),
    "an intset out of order": b"\x0b" + text(struct.pack("<IIhh", 2, 2, 2, 1)),
    "an intset with a member twice": b"\x0b" + text(struct.pack("<IIhh", 2, 2, 1, 1)),
    "a node that is neither plain nor packed": counted(18, [length(3) + text(b"a")]),
    "a node of kind 257": counted(18, [length(257) + text(b"a")]),
}


def damaged(body: bytes, draw: random.Random) -> bytes:
    """The body with one to three bytes changed, removed or inserted."""
    data = bytearray(body)
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(data))
        changes: Sequence[Callable[[], None]] = (
            lambda: data.__setitem__(at, draw.randrange(256)),
            lambda: data.__setitem__(at, data[at] ^ 1 << draw.randrange(8)),
            lambda: data.__delitem__(slice(at, at + draw.randint(1, 4))),
            lambda: data.insert(at, draw.randrange(256)),
        )
        draw.choice(changes)()
        if not data:
            return b"\0"
    return bytes(data)
