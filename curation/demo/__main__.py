"""What ``make demo`` runs: make the demo unless it stands, run everything, and tell people and scripts how to come in.

While it runs, ``var/demo.json`` holds addresses, sign-ins and tokens; it is written anew well before its signed query runs
out, and goes when this ends. The process itself loads no Django.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

from curation import supervisor

HOST = "127.0.0.1"
REFRESH_SECONDS = 5 * 60  # a signed query lives for a quarter of an hour


def main() -> int:
    """Make, run, tell."""
    port = int(os.environ.get("PORT", "8000"))
    if supervisor.is_taken(HOST, port):
        supervisor.say(
            f"Port {port} is taken by another program. Choose another one: PORT={port + 1} make demo", "demo"
        )
        return 1
    demo = Demo(port)
    try:
        greeting = demo.make()
    except KeyboardInterrupt:
        supervisor.say("Stopped before the demo was made; the next start makes it anew.", "demo")
        return 1
    except subprocess.CalledProcessError as failure:
        supervisor.say("The demo could not be made; see the lines above.", "demo")
        return failure.returncode
    try:
        return supervisor.run(HOST, port, lambda: demo.tell(greeting))
    finally:
        demo.forget()


class Demo:
    """The demo's data, and the file that describes it."""

    def __init__(self, port: int) -> None:
        self.environment = supervisor.child_environment(HOST, port)
        self.described = supervisor.var() / "demo.json"
        self.fresh = supervisor.var() / ".demo.json"
        self.unfinished = supervisor.var() / "demo-unfinished"
        self.over = threading.Event()

    def make(self) -> str:
        """Make it unless it stands; return what a newcomer should read."""
        supervisor.var().mkdir(mode=0o700, parents=True, exist_ok=True)
        self.described.unlink(missing_ok=True)
        again = ["--reset"] if self.unfinished.exists() else []
        if "DATABASE_URL" not in os.environ and not (supervisor.var() / "wellhouse.sqlite3").exists():
            self.unfinished.touch()  # whatever stops it from here on: the next start may throw all of it away
        greeting = self._manage("demo", *again, "--format", "text", "--write", str(self.fresh))
        self.unfinished.unlink(missing_ok=True)
        return greeting

    def tell(self, greeting: str) -> None:
        """Put the description in its place, keep it fresh, and greet."""
        self.fresh.replace(self.described)
        threading.Thread(target=self._refresh, daemon=True).start()
        print(greeting, flush=True)  # noqa: T201 a command's output

    def forget(self) -> None:
        """Remove the description: nothing answers any more."""
        self.over.set()
        for path in (self.described, self.fresh):
            path.unlink(missing_ok=True)

    def _refresh(self) -> None:
        while not self.over.wait(REFRESH_SECONDS):
            self._manage("demo", "--describe", "--write", str(self.fresh))
            if not self.over.is_set():
                self.fresh.replace(self.described)

    def _manage(self, *arguments: str) -> str:
        command = [sys.executable, str(Path(supervisor.ROOT) / "manage.py"), *arguments]
        run = subprocess.run(
            command,
            cwd=supervisor.ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
        )
        return run.stdout.decode()


if __name__ == "__main__":
    sys.exit(main())
