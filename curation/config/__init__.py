"""The composition root: knows every floor, imported by none."""

from curation.config.celery import app as celery_app

__all__ = ["celery_app"]
