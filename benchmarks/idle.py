"""How much memory does Wellhouse hold while nobody uses it?

Starts ``manage.py up`` on an empty database and sums the proportional set size (PSS: shared pages are counted once) of all its
processes 60 seconds after it was ready, before any job. The goal is less than 350 MB. Processes are found by a mark in
their environment, so that none can hide by changing its parent. Linux only.
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

from _bench import ROOT, Row, main

SETTLE_SECONDS = float(os.environ.get("SETTLE_SECONDS", "60"))
MARK = "WELLHOUSE_MARK"


def measure(n: int, database: str) -> Iterator[Row]:
    """Start, wait, sum; one row for each process and one for all."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    mark = uuid.uuid4().hex
    environment = {**os.environ, MARK: mark}
    began = time.perf_counter()
    up = subprocess.Popen(
        [sys.executable, "manage.py", "up", "--port", str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert up.stdout
        lines: list[str] = []
        said = next((line for line in up.stdout if lines.append(line) or "is ready" in line), None)
        assert said, f"it did not start:\n{chr(10).join(lines)}"
        started = time.perf_counter() - began
        urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz").read()
        before = sum(map(cpu, marked(mark)))
        time.sleep(SETTLE_SECONDS)
        processes = {pid: pss_mb(pid) for pid in marked(mark)}
        spent = sum(map(cpu, processes)) - before
        for pid, size in processes.items():
            yield Row(f"idle: {name(pid)}", 1, "", None, None, round(size, 1))
        yield Row(
            "idle: all processes",
            len(processes),
            "",
            round(started, 2),
            round(spent, 2),
            round(sum(processes.values()), 1),
        )
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(30)
    left = marked(mark)
    assert not [pid for pid in left if pid != os.getpid()], f"left behind: {[name(pid) for pid in left]}"


def marked(mark: str) -> list[int]:
    """Find every process that carries the mark, whoever its parent is, and their children (a broker overwrites its marks)."""
    found, parents = set(), {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(path.name)] = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if f"{MARK}={mark}".encode() in (path / "environ").read_bytes().split(b"\0"):
                found.add(int(path.name))
        except OSError:
            continue
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sorted(found)


def pss_mb(pid: int) -> float:
    """Return the proportional set size of a process in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def name(pid: int) -> str:
    """Return what a process is, for a person."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        return "gone"
    known = {"curation.supervisor": "supervisor", "gunicorn": "web", "config.celery": "worker", "config.beat": "beat"}
    known |= {"redis-server": "broker", "valkey-server": "broker", "work --poll": "worker"}
    return next((name for sign, name in known.items() if sign in words), words[:40])


if __name__ == "__main__":
    main(__doc__, measure, rows="1", databases="sqlite")
