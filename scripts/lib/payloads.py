"""Payloads for RESTORE, made here rather than recorded: every encoding of every age, right and wrong ones.

A payload is a type, a value, two bytes of version and the CRC-64 of all that, as src/persist/rdb/mod.rs draws it.
"""

import struct

POLYNOMIAL = 0x95AC9329AC4BC9B5  # of Jones, its bits in reverse order


def crc64(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ POLYNOMIAL if crc & 1 else crc >> 1
    return crc


def seal(body, version=10):
    """The payload of a type and a value."""
    data = body + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


def string(data):
    return (bytes([len(data)]) if len(data) < 64 else struct.pack(">H", len(data) | 0x4000)) + data


def strings(*texts):
    return b"".join(map(string, texts))


def ziplist(*texts):
    """A ziplist of short texts."""
    entries, before, tail = b"", 0, 10
    for text in texts:
        tail = 10 + len(entries)
        entry = bytes([before, len(text)]) + text
        entries, before = entries + entry, len(entry)
    return struct.pack("<IIH", len(entries) + 11, tail, len(texts)) + entries + b"\xff"


def listpack(*texts):
    """A listpack of short texts; integers from 0 to 127 as such."""
    entries = b""
    for text in texts:
        small = text.isdigit() and str(int(text)).encode() == text and int(text) < 128
        body = bytes([int(text)]) if small else bytes([0x80 | len(text)]) + text
        entries += body + bytes([len(body)])
    return struct.pack("<IH", len(entries) + 7, len(texts)) + entries + b"\xff"


def intset(code, *values):
    return struct.pack("<II", struct.calcsize(code), len(values)) + struct.pack("<%d%s" % (len(values), code), *values)


def scored(*pairs):
    return bytes([len(pairs)]) + b"".join(string(member) + struct.pack("<d", score) for score, member in pairs)


RIGHT = [
    seal(b"\0" + string(b"text"), 6), seal(b"\0\xc0\x07"), seal(b"\0\xc1\x18\xfc"), seal(b"\0\xc2\xff\xff\xff\x7f", 9), seal(b"\0\xc3\x05\x0c\x00a\xe0\x02\x00"),
    seal(b"\0" + string(b"x" * 300)), seal(b"\x01\x03" + strings(b"a", b"", b"10"), 2), seal(b"\x0a" + string(ziplist(b"a", b"b", b"c")), 6),
    seal(b"\x0e\x02" + strings(ziplist(b"a", b"b"), ziplist(b"c")), 7), seal(b"\x12\x02\x02" + string(listpack(b"a", b"10")) + b"\x02" + string(listpack(b"c"))),
    seal(b"\x12\x02\x01" + string(b"plain") + b"\x02" + string(listpack(b"c"))), seal(b"\x02\x03" + strings(b"a", b"b", b"9"), 2), seal(b"\x0b" + string(intset("h", -1, 5, 300)), 2),
    seal(b"\x0b" + string(intset("q", -(1 << 63), 0, (1 << 63) - 1))), seal(b"\x04\x02" + strings(b"f", b"1", b"g", b"text"), 2),
    seal(b"\x09" + string(b"\x02\x01f\x01\x00v\x01g\x02\x00ww\xff"), 2), seal(b"\x0d" + string(ziplist(b"f", b"1", b"g", b"")), 6), seal(b"\x10" + string(listpack(b"f", b"1", b"h", b"x"))),
    seal(b"\x03\x02" + string(b"a") + b"\x031.5" + string(b"b") + b"\xff", 2), seal(b"\x05" + scored((2, b"b"), (1, b"a"), (1, b"aa")), 8), seal(b"\x05" + scored((1, b"x" * 70))),
    seal(b"\x0c" + string(ziplist(b"a", b"1", b"b", b"2.5")), 6), seal(b"\x11" + string(listpack(b"a", b"1", b"b", b"inf"))), seal(b"\0" + string(b"text") + b"more"),
]

WRONG = [
    b"", b"x", seal(b"\0" + string(b"text"))[:-1], seal(b"\0" + string(b"text"))[:-1] + b"x", seal(b"\0\x01a", 99), seal(b"\x08\x01a"), seal(b"\xff"), seal(b"\0\x7f\xffa"), seal(b"\0\xc4\0"),
    seal(b"\x01\0"), seal(b"\x02\0"), seal(b"\x04\0"), seal(b"\x05\0"), seal(b"\x05" + scored((float("nan"), b"a"))), seal(b"\x03\x01\x01a\xfd"), seal(b"\x05" + scored((1, b"a"), (2, b"a"))),
    seal(b"\x02\x02" + strings(b"a", b"a")), seal(b"\x02\x02" + strings(b"7", b"7")), seal(b"\x10" + string(listpack(b"f"))), seal(b"\x10" + string(b"\0" * 7)),
    seal(b"\x0b" + string(intset("h"))), seal(b"\x0a" + string(b"\x0b\0\0\0\x0a\0\0\0\0\0\xff")), seal(b"\x0d" + string(b"abc")), seal(b"\x12\x01\x03\x01a"),
]


def functions(sources, version=10):
    """The payload of FUNCTION RESTORE for libraries with these sources, not compressed."""
    return seal(b"".join(b"\xf5" + string(source) for source in sources), version)
