"""The corpus of scripts: plays of tests/corpus, run in several ways. The format is described in tests/corpus/README.md.

The same plays are replayed by tests/it/corpus.rs; a change here is a change there.
"""

import glob
import hashlib
import os

import dumps
import transcripts
import wire

MODES = ("EVAL", "EVALSHA", "MULTI", "pipeline")
DATABASES = 16
TTL_SLACK_MS = 20_000


class Play:
    """One shape: its scripts by name, and the steps that use them."""

    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".resp")]
        self.transcript = transcripts.Transcript(path)
        with open(path[:-len(".resp")] + ".lua", "rb") as file:
            self.scripts = parts(file.read())
        for entry in self.transcript.entries:
            if entry.argv[0] in (b"RUN", b"RUN_RO") and entry.argv[1] not in self.scripts:
                raise SystemExit(f"{path}:{entry.number}: there is no script {entry.argv[1].decode()}")
        used = {entry.argv[1] for entry in self.transcript.entries if entry.argv[0] in (b"RUN", b"RUN_RO")}
        if used != set(self.scripts):
            raise SystemExit(f"{path}: never run: {set(self.scripts) - used}")


def parts(text):
    """The scripts of a file, by name. Each stands below a line `--- NAME`."""
    scripts = {}
    for part in text.split(b"\n--- ")[1:]:
        name, script = part.split(b"\n", 1)
        scripts[name] = script.rstrip(b"\n")
    return scripts


def plays(root, only=None):
    """Every play of the project, in order of name."""
    paths = sorted(glob.glob(os.path.join(root, "tests", "corpus", "*.resp")))
    return [play for play in map(Play, paths) if not only or play.name in only]


class Player:
    """Runs one play on a server that is emptied first, in one protocol and one mode."""

    def __init__(self, address, play, protocol, mode):
        self.address, self.play, self.protocol, self.mode = address, play, protocol, mode
        self.clients, self.loaded = {}, set()

    def run(self):
        """(entry, lines of its reply) for each step."""
        connection = wire.Connection(self.address)
        connection.call([b"FLUSHALL"])
        connection.call([b"SCRIPT", b"FLUSH"])
        connection.close()
        group = []
        try:
            for entry in self.play.transcript.entries:
                if entry.client or self.mode in ("EVAL", "EVALSHA"):
                    yield from self.flush(group)
                    group = []
                    yield entry, wire.lines(wire.parse(self.single(entry)))
                else:
                    group.append(entry)
            yield from self.flush(group)
        finally:
            for connection in self.clients.values():
                connection.close()

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = wire.Connection(self.address, self.protocol)
        return self.clients[name]

    def argv(self, entry, by_digest=False):
        """What is sent for a step: RUN becomes EVAL or EVALSHA."""
        if entry.argv[0] not in (b"RUN", b"RUN_RO"):
            return entry.argv
        script = self.play.scripts[entry.argv[1]]
        name = (b"EVALSHA" if by_digest else b"EVAL") + entry.argv[0][len(b"RUN"):]
        return [name, digest(script) if by_digest else script] + entry.argv[2:]

    def single(self, entry):
        connection = self.client(entry.client)
        if entry.argv == [b"HEAR"]:
            return connection.reply()
        if self.mode != "EVALSHA" or entry.argv[0] not in (b"RUN", b"RUN_RO"):
            return connection.call(self.argv(entry))
        script = self.play.scripts[entry.argv[1]]
        reply = connection.call(self.argv(entry, by_digest=True))
        if script in self.loaded:
            return reply
        # As clients do: the digest first, and the script when the server does not know it.
        if not reply.startswith(b"-NOSCRIPT "):
            return reply
        self.loaded.add(script)
        loaded = connection.call([b"SCRIPT", b"LOAD", script])
        if loaded[:1] == b"-":
            # What does not compile is not kept; EVAL says the same.
            return connection.call(self.argv(entry))
        if wire.parse(loaded).data != digest(script):
            return b"-the digest of SCRIPT LOAD is another\r\n"
        return connection.call(self.argv(entry, by_digest=True))

    def flush(self, group):
        """Runs steps of the main connection together: in one transaction, or in one write."""
        if not group:
            return
        connection = self.client("")
        commands = [self.argv(entry) for entry in group]
        if self.mode == "pipeline":
            replies = [wire.lines(wire.parse(reply)) for reply in connection.batch(commands)]
        else:
            answers = connection.batch([[b"MULTI"]] + commands + [[b"EXEC"]])
            values = wire.parse(answers[-1]).data
            if not isinstance(values, list):
                values = [wire.parse(b"-EXEC failed\r\n")] * len(group)
            replies = [wire.lines(value) for value in values]
        yield from zip(group, replies)


def digest(script):
    return hashlib.sha1(script).hexdigest().encode()


def check(play, address, protocol, mode):
    """Texts of the steps whose replies are not those recorded."""
    failures = []
    try:
        for entry, actual in Player(address, play, protocol, mode).run():
            if not transcripts.matches(entry.expected[protocol], actual, entry.unordered):
                failures.append((entry, actual))
    except (wire.Closed, wire.Malformed, ValueError, OSError) as error:
        failures.append((None, [f"{type(error).__name__}: {error}"]))
    return failures


def record(play, address):
    """Fills in the replies of the server at `address`. Lines that already match, and steps marked `!differs`, stay."""
    for protocol in (2, 3):
        for entry, actual in Player(address, play, protocol, "EVAL").run():
            expected = entry.expected[protocol]
            if not entry.differs and not (expected and transcripts.matches(expected, actual, entry.unordered)):
                entry.expected[protocol] = actual
    play.transcript.write()


def keyspace(address):
    """All keys of all databases: {(database, key): (content, encoding, TTL in ms)}."""
    connection = wire.Connection(address)
    found = {}
    for database in range(DATABASES):
        connection.text("SELECT", database)
        for key in connection.text("KEYS", "*").native():
            encoding = connection.text("OBJECT", "ENCODING", key).native()
            if encoding == b"listpack" and connection.text("TYPE", key).native() == b"set":
                encoding = b"hashtable"  # Small sets are packed, as since 7.2; 7.0 has no such form.
            found[database, key] = (dumps.content(connection, key), encoding, connection.text("PTTL", key).native())
    connection.close()
    return found


def keyspace_differences(one, other):
    """Texts of what differs between two keyspaces."""
    out = []
    for key in sorted(set(one) | set(other)):
        a, b = one.get(key), other.get(key)
        if a is None or b is None:
            out.append(f"{key}: {'missing' if a is None else 'there'} here, {'missing' if b is None else 'there'} there")
        elif a[:2] != b[:2]:
            out.append(f"{key}: {str(a[:2])[:300]} here, {str(b[:2])[:300]} there")
        elif (a[2] < 0) != (b[2] < 0) or abs(a[2] - b[2]) > TTL_SLACK_MS:
            out.append(f"{key}: {a[2]} ms left here, {b[2]} there")
    return out
