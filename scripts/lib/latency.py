"""How long a request takes while something else goes on: a probe for a process of its own, and what to print of it."""

import gc
import time

import wire

QUANTILES = (0.5, 0.99, 0.999, 1.0)


def probe(port, argv, pause_seconds, stop, queue):
    """Sends one request again and again until `stop` is set, and puts the latencies into `queue`, in ms."""
    gc.disable()
    connection = wire.Connection(("127.0.0.1", port))
    request = wire.encode(argv)
    latencies = []
    while not stop.is_set():
        start = time.perf_counter()
        connection.send(request)
        connection.reply()
        latencies.append((time.perf_counter() - start) * 1000)
        time.sleep(pause_seconds)
    connection.close()
    queue.put(latencies)


def cells(latencies):
    """The cells of a table for sorted latencies, one for each of QUANTILES."""
    return [f"{latencies[min(int(len(latencies) * quantile), len(latencies) - 1)]:.2f}" for quantile in QUANTILES]
