"""Gunicorn's settings, for ``manage.py up`` and for production.

``gunicorn -c curation/config/gunicorn.py curation.config.wsgi``

One process with eight threads serves a community; more processes come with WEB_CONCURRENCY (platform.md, section 5).
"""

import ctypes
import os
import signal
import sys
from typing import Any

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "8"))
timeout = 60
graceful_timeout = 5
keepalive = 15
accesslog = os.environ.get("WEB_ACCESS_LOG") or None
loglevel = "warning"
control_socket_disable = True


def post_fork(server: Any, worker: Any) -> None:
    """Let the kernel end a serving process whose master was killed (PR_SET_PDEATHSIG, Linux); it may hold no port for nobody."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))
        if os.getppid() != server.pid:
            os.kill(os.getpid(), signal.SIGKILL)
