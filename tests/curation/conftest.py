"""Real clients in processes of their own: they read their settings once, when they are imported."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LOAD = """
import json, sys
import datasets
d = datasets.load_dataset(sys.argv[1], sys.argv[2])
split = next(iter(d.values()))
label = split.features.get("label")
print("@@" + json.dumps({"rows": {k: v.num_rows for k, v in d.items()}, "features": list(split.features),
                         "names": getattr(label, "names", None)}))
"""


@pytest.fixture
def run_client(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Run Python ``code`` with ``args`` in a clean client environment; return what it printed after ``@@`` as JSON."""

    def run(code: str, *args: str, **environment: str) -> Any:
        home = tmp_path_factory.mktemp("client")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "DJANGO", "PYTEST"))}
        clean |= {"HF_HOME": str(home), "HOME": str(home), "HF_HUB_OFFLINE": "1", "HF_UPDATE_DOWNLOAD_COUNTS": "0"}
        clean |= environment
        done = subprocess.run(
            [sys.executable, "-c", code, *args], env=clean, cwd=home, capture_output=True, text=True, timeout=180
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("@@")]
        assert lines, done.stderr[-3000:]
        return json.loads(lines[-1][2:])

    return run


@pytest.fixture
def load_folder(run_client: Callable[..., Any]) -> Callable[[Path, str], Any]:
    """Load a folder with the real `datasets` and return rows by split, features and the names of ``label``."""

    def load(folder: Path, config: str) -> Any:
        return run_client(LOAD, str(folder), config)

    return load
