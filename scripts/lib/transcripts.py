"""Transcripts: commands and expected replies as text. The format is described in tests/transcripts/README.md.

The same format is read by tests/it/transcripts.rs; a change here is a change there.
"""

import glob
import os

import wire

QUIET_SECONDS = 0.3


class Entry:
    """One step: a command or raw bytes, and the lines expected in either protocol."""

    def __init__(self, number):
        self.number = number
        self.client = ""
        self.argv = None
        self.raw = None
        self.unordered = False
        self.differs = None
        self.head = []
        self.expected = {2: [], 3: []}

    def title(self):
        return wire.command_line(self.argv) if self.argv is not None else "!raw"


class Transcript:
    """A file: its steps, the lines after the last one, and the protocols it is meant for."""

    def __init__(self, path):
        self.path = path
        self.protocols = (2, 3)
        self.entries = []
        self.tail = []
        self._read()

    def name(self):
        return os.path.basename(self.path)

    def _read(self):
        head, unordered, differs, entry = [], False, None, None
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        for number, line in enumerate(text.splitlines(), 1):
            try:
                if not line.strip() or line.startswith("#"):
                    head.append(line)
                elif line.startswith("!protocol "):
                    self.protocols = (int(line.split()[1]),)
                    head.append(line)
                elif line == "!not-in-lua":
                    head.append(line)
                elif line == "!unordered":
                    unordered = True
                    head.append(line)
                elif line.startswith("!differs "):
                    differs = line[len("!differs "):]
                    head.append(line)
                elif line.startswith(">") and line[1:2] in " @" or line.startswith("!raw "):
                    entry = Entry(number)
                    entry.head = head + [line]
                    entry.unordered, entry.differs = unordered, differs
                    head, unordered, differs = [], False, None
                    if line.startswith("!raw "):
                        entry.raw = wire.split(line[5:])
                    else:
                        rest = line[1:]
                        if rest.startswith("@"):
                            entry.client, _, rest = rest[1:].partition(" ")
                        entry.argv = wire.split(rest)
                        if not entry.argv:
                            raise ValueError("a command is missing")
                    self.entries.append(entry)
                elif line.startswith("!"):
                    raise ValueError(f"unknown directive {line.split()[0]}")
                elif entry is None or any(part.strip() and not part.startswith("#") for part in head):
                    raise ValueError("a reply without a command")
                else:
                    # A comment between a command and its reply stays where it is.
                    entry.head += head
                    head = []
                    if line.startswith(("2| ", "3| ")):
                        entry.expected[int(line[0])].append(line[3:])
                    else:
                        entry.expected[2].append(line)
                        entry.expected[3].append(line)
            except ValueError as error:
                raise SystemExit(f"{self.path}:{number}: {error}")
        self.tail = head

    def write(self):
        """Writes the file back: what a person wrote as it was, the expected lines as they are now."""
        out = []
        for entry in self.entries:
            out += entry.head
            two, three = entry.expected[2], entry.expected[3]
            if len(self.protocols) == 1:
                out += entry.expected[self.protocols[0]]
            elif two == three:
                out += two
            else:
                out += ["2| " + line for line in two] + ["3| " + line for line in three]
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("\n".join(out + self.tail) + "\n")


def all_transcripts(root):
    """Every transcript of the project, in order of name."""
    return [Transcript(path) for path in sorted(glob.glob(os.path.join(root, "tests", "transcripts", "*.resp")))]


class Player:
    """Plays one transcript in one protocol on a server that is emptied first."""

    def __init__(self, address, protocol):
        self.address = address
        self.protocol = protocol
        self.clients = {}

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = wire.Connection(self.address, self.protocol)
        return self.clients[name]

    def clear(self):
        connection = wire.Connection(self.address)
        connection.call([b"FLUSHALL"])
        connection.call([b"SCRIPT", b"FLUSH"])
        connection.call([b"FUNCTION", b"FLUSH"])
        connection.close()

    def close(self):
        for connection in self.clients.values():
            connection.close()
        self.clients = {}

    def play(self, entry):
        """The lines that the server replies to a step."""
        connection = self.client(entry.client)
        if entry.raw is not None:
            for part in entry.raw:
                connection.send(part)
            data, closed = connection.rest(QUIET_SECONDS)
            out = raw_lines(data)
            if closed:
                out.append("(closed)")
                self.clients.pop(entry.client).close()
            return out
        try:
            return wire.lines(wire.parse(connection.call(entry.argv)))
        except wire.Closed:
            self.clients.pop(entry.client).close()
            return ["(closed)"]


def raw_lines(data):
    """The replies in `data`, one after the other."""
    out, at = [], 0
    while at < len(data):
        value, at = wire._parse(data, at)
        out += wire.lines(value)
    return out


def matches(expected, actual, unordered=False):
    """Whether the lines of a reply are those expected."""
    if unordered:
        return sort_elements(expected) == sort_elements(actual)
    for index, line in enumerate(expected):
        if line.strip() == "...":
            return True
        if index >= len(actual) or not line_matches(line, actual[index]):
            return False
    return len(expected) == len(actual)


def line_matches(expected, actual):
    """A line that begins with `? ` (after its indent) is a pattern in which `*` is any text."""
    body = expected.lstrip(" ")
    if not body.startswith("? "):
        return expected == actual
    pad = len(expected) - len(body)
    if actual[:pad] != " " * pad:
        return False
    return star_matches(body[2:], actual[pad:])


def star_matches(pattern, text):
    parts = pattern.split("*")
    if len(parts) == 1:
        return pattern == text
    if not text.startswith(parts[0]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(text) - at >= len(parts[-1]) and text.endswith(parts[-1])


def sort_elements(reply):
    """The lines of a reply with the elements of its outermost aggregate sorted (the pairs, if it is a map)."""
    if not reply or reply[0][:1] not in "*%~>":
        return reply
    elements = []
    for line in reply[1:]:
        if line.startswith("  ") and not line.startswith("   "):
            elements.append([line])
        elif elements:
            elements[-1].append(line)
    if reply[0][0] == "%":
        elements = [elements[i] + elements[i + 1] for i in range(0, len(elements) - 1, 2)]
    return reply[:1] + sorted(elements)


def check(transcript, address, is_peer):
    """Plays a transcript in its protocols: the number of steps that passed, and a text for each that failed."""
    passed, failures = 0, []
    for protocol in transcript.protocols:
        player = Player(address, protocol)
        try:
            player.clear()
            for entry in transcript.entries:
                where = f"{transcript.name()}:{entry.number} (RESP{protocol})"
                try:
                    actual = player.play(entry)
                except (wire.Closed, wire.Malformed, ValueError, OSError) as error:
                    failures.append(f"{where} {entry.title()}\n    {type(error).__name__}: {error}")
                    player.close()
                    continue
                if is_peer and entry.differs:
                    continue
                if matches(entry.expected[protocol], actual, entry.unordered):
                    passed += 1
                else:
                    shown = "\n".join(["  expected"] + ["    " + line for line in entry.expected[protocol]]
                                      + ["  actual"] + ["    " + line for line in actual])
                    failures.append(f"{where} {entry.title()}\n{shown}")
        finally:
            player.close()
    return passed, failures


def record(path, address):
    """Fills in the replies of the server at `address`. Steps marked `!differs` and lines that already match stay."""
    transcript = Transcript(path)
    for protocol in transcript.protocols:
        player = Player(address, protocol)
        try:
            player.clear()
            for entry in transcript.entries:
                actual = player.play(entry)
                if not entry.differs and not (
                    entry.expected[protocol] and matches(entry.expected[protocol], actual, entry.unordered)
                ):
                    entry.expected[protocol] = actual
        finally:
            player.close()
    transcript.write()
    return len(transcript.entries)
