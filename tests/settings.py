"""The product's settings on servers of the tests' own.

``WELLHOUSE_TEST_DATABASE`` is ``sqlite`` (default) or ``postgres``. What ``tests.servers`` starts is put into the environment
first, so that the product's settings, and the worker processes that tests start, read it as they would anywhere.
"""

import os

from tests.servers import stage

os.environ.update(stage(os.environ.get("WELLHOUSE_TEST_DATABASE", "sqlite")))
os.environ["WELLHOUSE_ENV"] = "embedded"
# Playwright runs an event loop in the tests' thread; Django would take every query there for an asynchronous one.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

from curation.config.settings import *  # noqa: F403
from curation.config.settings import DATABASES, VAR

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file: an in-memory database could not be shared with a worker process.
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}
else:
    DATABASES["default"].setdefault("OPTIONS", {}).pop("pool", None)
