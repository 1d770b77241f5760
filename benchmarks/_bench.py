"""What every benchmark shares: its options, a fresh database for each measurement, a clock, a table and a JSON file.

A benchmark is a script beside this one. It hands ``main`` a function ``measure(n, database)`` that yields a ``Row`` for
everything it measured with ``n`` rows; each call happens in a process of its own, with Django, on an empty database::

    from _bench import Clock, Row, main

    def measure(n, database):
        with Clock() as clock:
            ...
        yield clock.row("claim", n)

    if __name__ == "__main__":
        main(__doc__, measure)

CPU seconds are those of the measured process, of the children it waited for, and of the PostgreSQL server. PostgreSQL runs
durably (fsync on) here, other than in tests. Memory is the highest resident set, in MiB.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.servers import Broker, Postgres  # noqa: E402 a script's path begins in its own folder

COLUMNS = ("what", "n", "database", "wall_s", "cpu_s", "peak_rss_mb", "per_cpu_s", "p50_ms", "p95_ms")


@dataclass
class Row:
    """One line of the table; ``versus`` holds ratios to what it is compared with, by name."""

    what: str
    n: int
    database: str = ""
    wall_s: float | None = None
    cpu_s: float | None = None
    peak_rss_mb: float | None = None
    per_cpu_s: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    versus: dict[str, float] = field(default_factory=dict)


class Clock:
    """Wall time, CPU time and peak memory between ``with Clock() as clock:`` and its end.

    Call ``clock.lap()`` around single operations, or append seconds to ``clock.laps``, for p50 and p95.
    """

    def __enter__(self) -> "Clock":
        self.laps: list[float] = []
        try:
            Path("/proc/self/clear_refs").write_text("5")  # forget the peak of what came before (proc(5))
        except OSError:
            pass
        self._cpu, self._wall = cpu_seconds(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.perf_counter() - self._wall
        self.cpu_s = cpu_seconds() - self._cpu
        self.peak_rss_mb = peak_rss_mb()

    def lap(self, operation: Callable[[], Any]) -> Any:
        """Call the operation and keep how long it took."""
        began = time.perf_counter()
        answer = operation()
        self.laps.append(time.perf_counter() - began)
        return answer

    def row(self, what: str, n: int, *, done: int | None = None, versus: dict[str, float] | None = None) -> Row:
        """Return the line for the table; ``done`` is how many things were done, n if not given."""
        p50, p95 = percentiles(self.laps)
        rate = (n if done is None else done) / self.cpu_s if self.cpu_s else None
        return Row(what, n, "", self.wall_s, self.cpu_s, self.peak_rss_mb, rate, p50, p95, versus or {})


@dataclass(frozen=True)
class Spent:
    """What one command cost as a process of its own, and what it printed."""

    wall_s: float
    cpu_s: float
    peak_rss_mb: float
    output: str

    def row(self, what: str, n: int, *, done: int | None = None) -> Row:
        """Return the line for the table."""
        rate = (n if done is None else done) / self.cpu_s
        return Row(what, n, "", self.wall_s, self.cpu_s, self.peak_rss_mb, rate)


def command(*arguments: str) -> Spent:
    """Run ``manage.py`` with these arguments in a process of its own; it must succeed."""
    server, began = _server_cpu(), time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([sys.executable, "manage.py", *arguments], cwd=ROOT, stdout=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        said = output.read()
    if process.returncode:
        raise SystemExit(f"manage.py {' '.join(arguments)} ended with {process.returncode}: {said[-2000:]}")
    wall = time.perf_counter() - began
    return Spent(wall, used.ru_utime + used.ru_stime + _server_cpu() - server, _mib(used.ru_maxrss), said)


def percentiles(seconds: Sequence[float]) -> tuple[float | None, float | None]:
    """Return p50 and p95 in milliseconds."""
    if not seconds:
        return None, None
    ordered = sorted(seconds)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for share in (0.5, 0.95)]
    return at[0], at[1]


def main(
    description: str | None,
    measure: Callable[[int, str], Iterable[Row]],
    *,
    rows: str = "10000",
    databases: str = "sqlite,postgres",
    broker: bool = False,
) -> None:
    """Read the options, measure everything, print the table, write the JSON file."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=rows, help="sizes, with commas between them")
    parser.add_argument("--database", default=databases, help="sqlite, postgres or both with a comma between them")
    parser.add_argument("--repeat", type=int, default=1, help="times; the table has the medians")
    parser.add_argument("--json", type=Path, help="write everything here")
    parser.add_argument("--markdown", type=Path, help="put the table between this file's markers for this benchmark")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _measure_here(measure, **json.loads(options.child))
        return
    found: list[Row] = []
    for database in options.database.split(","):
        for n in map(int, options.rows.split(",")):
            runs = [_measure_apart(n, database, broker) for _ in range(options.repeat)]
            found += [_median([run[i] for run in runs]) for i in range(len(runs[0]))]
    about = machine()
    print(_table(found))
    if options.json:
        _replace(options.json, json.dumps({"machine": about, "rows": [asdict(row) for row in found]}, indent=2) + "\n")
    if options.markdown:
        _into_markdown(options.markdown, Path(sys.argv[0]).stem, found, about)


def machine() -> dict[str, object]:
    """Say where this was measured."""
    model = platform.processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    if sys.platform == "linux":
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "measured_on": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def cpu_seconds() -> float:
    """Return the CPU seconds of this process, of the children it waited for, and of the database server."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) + _server_cpu()


def peak_rss_mb() -> float:
    """Return this process's highest resident set since the last Clock began, in MiB."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return _mib(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _mib(maxrss: int) -> float:
    return maxrss / (2**20 if sys.platform == "darwin" else 2**10)  # getrusage(2): bytes there, kilobytes here


def _server_cpu() -> float:
    """Sum the CPU seconds of the PostgreSQL server and all its backends, living and gone; 0 without one, or outside Linux."""
    postmaster = os.environ.get("WELLHOUSE_BENCH_SERVER")
    if not postmaster or sys.platform != "linux":
        return 0.0
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        fields = text.rsplit(")", 1)[1].split()  # from the third field on: state, ppid, ...
        if path.parent.name == postmaster:
            ticks += sum(map(int, fields[11:15]))  # utime, stime, and those of the children that were waited for
        elif fields[1] == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _measure_apart(n: int, database: str, broker: bool) -> list[Row]:
    """Measure in a process of its own, on an empty database."""
    print(f"{Path(sys.argv[0]).stem}: {n} rows on {database} ...", file=sys.stderr, flush=True)
    servers: list[Postgres | Broker] = []
    with tempfile.TemporaryDirectory(prefix="wellhouse-bench-") as folder:
        environment = {**os.environ, "WELLHOUSE_VAR": folder, "DATABASE_URL": f"sqlite:///{folder}/wellhouse.sqlite3"}
        environment.setdefault("LOG_LEVEL", "WARNING")
        try:
            if database == "postgres":
                server = Postgres(durable=True).start()
                servers.append(server)
                environment["DATABASE_URL"] = server.create("wellhouse")
                environment["WELLHOUSE_BENCH_SERVER"] = str(server.process.pid if server.process else "")
            if broker:
                redis = Broker().start()
                servers.append(redis)
                environment["REDIS_URL"] = redis.url
            answer = Path(folder) / "rows.json"
            child = json.dumps({"n": n, "database": database, "answer": str(answer)})
            subprocess.run([sys.executable, sys.argv[0], "--child", child], env=environment, check=True)
            return [Row(**{**row, "database": row["database"] or database}) for row in json.loads(answer.read_text())]
        finally:
            for server in servers:
                server.stop()


def _measure_here(measure: Callable[[int, str], Iterable[Row]], *, n: int, database: str, answer: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)
    Path(answer).write_text(json.dumps([asdict(row) for row in measure(n, database)]))


def _median(runs: list[Row]) -> Row:
    first = asdict(runs[0])
    for name in COLUMNS[3:]:
        values = [getattr(run, name) for run in runs if getattr(run, name) is not None]
        first[name] = round(statistics.median(values), 3) if values else None
    first["versus"] = {name: round(statistics.median(run.versus[name] for run in runs), 3) for name in runs[0].versus}
    return Row(**first)


def _cells(row: Row) -> list[str]:
    def text(value: object) -> str:
        if value is None:
            return "-"
        return (
            f"{value:,.0f}"
            if isinstance(value, float) and value >= 100
            else f"{value:,}"
            if value != str(value)
            else str(value)
        )

    versus = ", ".join(f"{name} {ratio}x" for name, ratio in row.versus.items())
    return [*(text(getattr(row, name)) for name in COLUMNS), versus or "-"]


def _table(found: list[Row]) -> str:
    lines = [[*COLUMNS, "versus"], *(_cells(row) for row in found)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines)


def _into_markdown(path: Path, name: str, found: list[Row], about: dict[str, object]) -> None:
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    rows = [[*COLUMNS, "versus"], ["---"] * (len(COLUMNS) + 1), *(_cells(row) for row in found)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    where = ", ".join(f"{key} {value}" for key, value in about.items())
    block = f"{begin}\n\n{table}\n\nMeasured on: {where}.\n\n{end}"
    text = path.read_text() if path.exists() else "# Performance\n"
    if begin in text and end in text:
        text = text[: text.index(begin)] + block + text[text.index(end) + len(end) :]
    else:
        text = f"{text.rstrip()}\n\n## {name}\n\n{block}\n"
    _replace(path, text)


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text)
    new.replace(path)
