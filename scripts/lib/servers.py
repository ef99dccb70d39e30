"""Starts servers on free loopback ports, each in a temporary directory of its own, and ends only those it started."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 5.0


def die(text):
    """Ends the program with a message and exit code 2: the comparison could not be made."""
    sys.stderr.write(text.rstrip() + "\n")
    sys.exit(2)


def need(program):
    """The path of a program of the package redis-server, or the end with the words that install it."""
    path = shutil.which(program)
    if path is None:
        die(f"{program} is not installed. Install it with:  apt-get install redis-server")
    return path


def peer_command(template):
    """The command line of the peer; its default is a redis-server with default settings and no snapshots."""
    return template or f"{need('redis-server')} --port {{port}} --bind 127.0.0.1 --save ''"


def tally_command(template):
    """The command line of Tally: `template`, else TALLY_BIN, else what `cargo build --release` made.

    A bare program gets the flags it needs; one named redis-server or valkey-server gets theirs.
    """
    template = template or os.environ.get("TALLY_BIN") or os.path.join(ROOT, "target", "release", "tally")
    if "{port}" in template:
        return template
    program = os.path.basename(shlex.split(template)[0])
    if program in ("redis-server", "valkey-server"):
        return template + " --port {port} --bind 127.0.0.1 --save ''"
    return template + " --port {port} --threads {threads} --http-port 0 --loglevel warning --save ''"


def build(profile="release"):
    """Builds Tally; the output of cargo is shown only by cargo itself."""
    if shutil.which("cargo") is None:
        die("cargo is not installed. Install a Rust toolchain from https://rustup.rs")
    done = subprocess.run(["cargo", "build", "--profile", profile], cwd=ROOT)
    if done.returncode != 0:
        die("cargo build failed")


def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server process. Ended by `stop`, or by leaving the `with` of its `Servers`."""

    def __init__(self, name, template, threads):
        self.name = name
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="tally-script-")
        self.log_path = os.path.join(self.directory, "log")
        line = template.format(port=self.port, threads=threads, dir=self.directory)
        self.argv = shlex.split(line)
        # A relative program is relative to where the user stands, but the server runs in its own directory.
        if os.sep in self.argv[0]:
            self.argv[0] = os.path.abspath(self.argv[0])
        try:
            with open(self.log_path, "wb") as log:
                # Its own session: Ctrl-C reaches this program alone, which then ends the servers in order.
                self.process = subprocess.Popen(
                    self.argv, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            shutil.rmtree(self.directory, ignore_errors=True)
            die(f"cannot start {name} ({line}): {error}")

    @property
    def pid(self):
        return self.process.pid

    def wait_ready(self):
        """Returns once the server answers PING and no longer loads."""
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as probe:
                    probe.sendall(b"PING\r\n")
                    reply = probe.recv(16)
                if reply.startswith(b"-LOADING"):
                    # It is there, and takes what its file takes.
                    deadline = time.monotonic() + START_SECONDS_MAX
                elif reply:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        die(f"{self.name} did not start: {' '.join(self.argv)}\n{self.log_tail()}")

    def log_tail(self):
        """The last lines that the server printed."""
        with open(self.log_path, "rb") as log:
            return log.read()[-2000:].decode("utf-8", "replace")

    def alive(self):
        return self.process.poll() is None

    def children(self):
        """The processes that it has started: under a tracer the server is one."""
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
                return [int(pid) for pid in file.read().split()]
        except OSError:
            return []

    def stop(self):
        for child in self.children():
            os.kill(child, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Servers:
    """All servers of one run; leaving the `with` ends them, whatever happened."""

    def __init__(self):
        self.started = []

    def __enter__(self):
        # SIGTERM and a closed terminal end the run as Ctrl-C does: through the `finally`s.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: sys.exit(130))
        return self

    def start(self, name, template, threads=1):
        server = Server(name, template, threads)
        self.started.append(server)
        server.wait_ready()
        return server

    def __exit__(self, kind, value, trace):
        for server in reversed(self.started):
            server.stop()
        return False
