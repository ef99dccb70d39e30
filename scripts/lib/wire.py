"""RESP2 and RESP3 from the client's side: sends commands, reads each reply as its exact bytes, and prints replies as lines."""

import socket

REPLY_SECONDS_MAX = 20.0
AGGREGATES = b"*%~>|"
ESCAPES = {0x22: '\\"', 0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}
UNESCAPES = {"n": 10, "r": 13, "t": 9, "a": 7, "b": 8, '"': 34, "\\": 92, "'": 39}


class Closed(Exception):
    """The server closed the connection before a reply was complete."""


class Malformed(Exception):
    """The bytes are no reply."""


def encode(argv):
    """A request as an array of bulks."""
    parts = [b"*%d\r\n" % len(argv)]
    for argument in argv:
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


class Connection:
    """One client connection. `protocol` is what HELLO is told, once."""

    def __init__(self, address, protocol=2):
        self.socket = socket.create_connection(address, timeout=REPLY_SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.start = 0
        if protocol == 3:
            self.call([b"HELLO", b"3"])

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def call(self, argv):
        """One command, one reply, as bytes."""
        self.send(encode(argv))
        return self.reply()

    def text(self, *words):
        """One command given as text, its reply as a value."""
        return parse(self.call([word if isinstance(word, bytes) else str(word).encode() for word in words]))

    def batch(self, commands):
        """Many commands in one write, and their replies."""
        self.send(b"".join(encode(argv) for argv in commands))
        return [self.reply() for _ in commands]

    def reply(self):
        """The exact bytes of the next reply. Raises Closed, Malformed or TimeoutError."""
        end = self._skip(self.start)
        reply = bytes(self.buffer[self.start:end])
        self.start = end
        if self.start > 1 << 16 or self.start == len(self.buffer):
            del self.buffer[:self.start]
            self.start = 0
        return reply

    def rest(self, seconds):
        """All that arrives until the server closes or is quiet for `seconds`: the bytes, and whether it closed."""
        self.socket.settimeout(seconds)
        closed = False
        try:
            while True:
                data = self.socket.recv(65536)
                if not data:
                    closed = True
                    break
                self.buffer += data
        except TimeoutError:
            pass
        except ConnectionError:
            closed = True
        finally:
            self.socket.settimeout(REPLY_SECONDS_MAX)
        data = bytes(self.buffer[self.start:])
        self.buffer.clear()
        self.start = 0
        return data, closed

    def _more(self):
        try:
            data = self.socket.recv(262144)
        except ConnectionError:
            data = b""
        if not data:
            raise Closed()
        self.buffer += data

    def _line_end(self, at):
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end >= 0:
                return end
            if len(self.buffer) - at > 1 << 20:
                raise Malformed("a line without end")
            self._more()

    def _skip(self, at):
        end = self._line_end(at)
        kind = self.buffer[at:at + 1]
        if kind in (b"+", b"-", b":", b"_", b"#", b",", b"("):
            return end + 2
        try:
            count = int(self.buffer[at + 1:end])
        except ValueError:
            raise Malformed(repr(bytes(self.buffer[at:end]))) from None
        if kind in (b"$", b"=", b"!"):
            if count < 0:
                return end + 2
            while len(self.buffer) < end + 2 + count + 2:
                self._more()
            if self.buffer[end + 2 + count:end + 4 + count] != b"\r\n":
                raise Malformed("a bulk that does not end in CR LF")
            return end + 4 + count
        if kind not in (b"*", b"%", b"~", b">", b"|"):
            raise Malformed(repr(bytes(self.buffer[at:end])))
        at = end + 2
        values = max(count, 0) * (2 if kind in (b"%", b"|") else 1)
        if kind == b"|":
            values += 1
        for _ in range(values):
            at = self._skip(at)
        return at


class Value:
    """A reply as a tree: `kind` is the type byte, `data` its bytes, its elements, or None for a null."""

    __slots__ = ("kind", "data")

    def __init__(self, kind, data):
        self.kind = kind
        self.data = data

    def native(self):
        """Plain Python: bytes, int, list, dict, None."""
        if self.kind == ":":
            return int(self.data)
        if isinstance(self.data, list):
            items = [item.native() for item in self.data]
            if self.kind == "%" and all(isinstance(key, (bytes, int)) for key in items[::2]):
                return dict(zip(items[::2], items[1::2]))
            return items
        return self.data

    def encode(self):
        """The bytes again."""
        kind = self.kind.encode()
        if self.kind in "$=!":
            return kind + (b"-1\r\n" if self.data is None else b"%d\r\n%s\r\n" % (len(self.data), self.data))
        if self.kind in "*%~>|":
            if self.data is None:
                return kind + b"-1\r\n"
            count = len(self.data) // (2 if self.kind in "%|" else 1)
            return kind + b"%d\r\n" % count + b"".join(item.encode() for item in self.data)
        return kind + self.data + b"\r\n"


def parse(data):
    """A complete reply as a Value."""
    value, end = _parse(data, 0)
    if end != len(data):
        raise Malformed("bytes after the reply")
    return value


def _parse(data, at):
    end = data.index(b"\r\n", at)
    kind = chr(data[at])
    head = data[at + 1:end]
    at = end + 2
    if kind in "+-:_#,(":
        return Value(kind, head), at
    count = int(head)
    if kind in "$=!":
        if count < 0:
            return Value(kind, None), at
        return Value(kind, data[at:at + count]), at + count + 2
    if count < 0:
        return Value(kind, None), at
    items = []
    for _ in range(count * (2 if kind in "%|" else 1)):
        item, at = _parse(data, at)
        items.append(item)
    if kind == "|":
        value, at = _parse(data, at)
        items.append(value)
    return Value(kind, items), at


def quote(data):
    """Bytes as redis-cli would quote them: printable ASCII as it is, the rest as escapes."""
    out = []
    for byte in data:
        if byte in ESCAPES:
            out.append(ESCAPES[byte])
        elif 0x20 <= byte < 0x7F:
            out.append(chr(byte))
        else:
            out.append(f"\\x{byte:02x}")
    return '"' + "".join(out) + '"'


def word(data):
    """An argument as it would be typed: bare if that is unambiguous, quoted otherwise."""
    text = data.decode("latin-1")
    if text and all(33 <= ord(c) < 127 and c not in "\"'\\#" for c in text):
        return text
    return quote(data)


def command_line(argv):
    """A request as it would be typed."""
    return " ".join(word(argument) for argument in argv)


def split(line):
    """The words of a typed line: bare, 'single' or \"double\" quoted. Raises ValueError."""
    words = []
    at = 0
    while True:
        while at < len(line) and line[at] in " \t":
            at += 1
        if at == len(line):
            return words
        out = bytearray()
        if line[at] == '"':
            at += 1
            while True:
                if at >= len(line):
                    raise ValueError("a quote is not closed")
                c = line[at]
                if c == '"':
                    at += 1
                    break
                if c == "\\":
                    if line[at + 1:at + 2] == "x":
                        out.append(int(line[at + 2:at + 4], 16))
                        at += 4
                        continue
                    if line[at + 1:at + 2] not in UNESCAPES:
                        raise ValueError(f"unknown escape at column {at + 1}")
                    out.append(UNESCAPES[line[at + 1]])
                    at += 2
                    continue
                out += c.encode()
                at += 1
            if at < len(line) and line[at] not in " \t":
                raise ValueError("a space must follow a closing quote")
        else:
            while at < len(line) and line[at] not in " \t":
                if line[at] in "\"'":
                    raise ValueError("a quote inside a bare word")
                out += line[at].encode()
                at += 1
        words.append(bytes(out))


def lines(value, depth=0):
    """A reply as lines: one per value, elements two spaces deeper than their aggregate. Two replies print alike only if alike."""
    pad = "  " * depth
    if value.kind in "*%~>|":
        if value.data is None:
            return [f"{pad}{value.kind}-1"] if value.kind != "*" else [pad + "(nil-array)"]
        count = len(value.data) // (2 if value.kind in "%|" else 1)
        out = [f"{pad}{value.kind}{count}"]
        for item in value.data:
            out += lines(item, depth + 1)
        return out
    if value.kind == "$":
        return [pad + ("(nil)" if value.data is None else quote(value.data))]
    if value.kind in "=!":
        return [pad + value.kind + quote(value.data or b"")]
    text = quote(value.data)[1:-1].replace('\\"', '"')
    # A space at the end of a line would not survive every editor.
    return [pad + value.kind + (text[:-1] + "\\x20" if text.endswith(" ") else text)]
