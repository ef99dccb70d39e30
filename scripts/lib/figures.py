"""What all measurements share: loading data through pipelines, what a process takes, and tables in Markdown."""

import fnmatch
import os
import platform
import sys
import time

import servers
import wire


def run_commands(server, commands):
    """Sends commands in large writes, and ends the program if one of them fails."""
    connection = wire.Connection(("127.0.0.1", server.port))
    chunk = []

    def flush():
        for reply in connection.batch(chunk):
            if reply[:1] == b"-":
                servers.die(f"{server.name} refused data of the benchmark: {reply.decode('latin-1').strip()}")
        chunk.clear()

    for argv in commands:
        chunk.append(argv)
        if len(chunk) == 2000:
            flush()
    flush()
    connection.close()


class Pump:
    """A connection that is fed ready-made pipelines, the next one sent before the last one is answered. Replies must be statuses or
    integers; an error ends the program."""

    def __init__(self, server):
        self.server = server
        self.connection = wire.Connection(("127.0.0.1", server.port))
        self.awaited = 0

    def send(self, data, replies):
        self.connection.send(data)
        self.awaited += replies
        self.receive(replies)

    def receive(self, left):
        """Reads until only so many replies are awaited."""
        while self.awaited > left:
            data = self.connection.socket.recv(1 << 18)
            if not data:
                servers.die(f"{self.server.name} closed the connection\n{self.server.log_tail()}")
            if b"-" in data and (data[:1] == b"-" or b"\n-" in data):
                servers.die(f"{self.server.name} refused data of the benchmark: {data[:200].decode('latin-1').strip()}")
            self.awaited -= data.count(b"\n")

    def close(self):
        self.receive(0)
        self.connection.close()


def pump(server, chunks, connections=4):
    """Sends pipelines, each with its number of replies, over a few connections in turn."""
    pumps = [Pump(server) for _ in range(connections)]
    for number, (data, replies) in enumerate(chunks):
        pumps[number % connections].send(data, replies)
    for each in pumps:
        each.close()


def check_versions(runners):
    """Says what is compared; the servers must at least answer."""
    for server in runners:
        connection = wire.Connection(("127.0.0.1", server.port))
        reply = connection.text("INFO", "server")
        text = (reply.data or b"").decode("latin-1") if reply.kind in "$=" else ""
        fields = dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)
        server.version = fields.get("tally_version") or fields.get("redis_version", "unknown")
        connection.close()


def has_command(server, name):
    """Whether the server knows a command."""
    connection = wire.Connection(("127.0.0.1", server.port))
    rows = connection.text("COMMAND", "INFO", name).native()
    connection.close()
    return bool(rows and rows[0])


def matches(name, globs):
    """Whether a name is wanted: every one is if nothing was said."""
    return not globs or any(fnmatch.fnmatchcase(name.lower(), glob.lower()) for glob in globs)


def resident_bytes(server):
    """VmRSS of the server's process."""
    with open(f"/proc/{server.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def settled_bytes(server, still=11.0, seconds_max=40.0):
    """VmRSS once it has not changed for a while: allocators give memory back late, and servers free in the background."""
    last, since, start = resident_bytes(server), time.monotonic(), time.monotonic()
    while time.monotonic() - since < still and time.monotonic() - start < seconds_max:
        time.sleep(0.1)
        run_commands(server, [[b"PING"]])
        now = resident_bytes(server)
        if abs(now - last) > 64 * 1024:
            last, since = now, time.monotonic()
    return resident_bytes(server)


def show_table(header, rows, out=sys.stdout):
    """A table in Markdown; the first column is text, the others are aligned to the right."""
    widths = [max(len(line[column]) for line in [header] + rows) for column in range(len(header))]

    def show(cells):
        padded = [cells[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        out.write("| " + " | ".join(padded) + " |\n")

    show(header)
    out.write("|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]) + "|\n")
    for cells in rows:
        show(cells)


def machine():
    """The CPU and the number of its cores."""
    model = platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    except OSError:
        pass
    return f"{model}, {len(os.sched_getaffinity(0))} cores, Linux {platform.release().split('-')[0]}"


def note(text):
    """Progress, for a person who watches."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + text)
        sys.stderr.flush()
