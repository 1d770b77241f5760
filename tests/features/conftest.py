"""What the tests of features share."""

from tests.curation.conftest import run_client

__all__ = ["run_client"]
