"""The annotations floor, as Django knows it."""

from django.apps import AppConfig


class AnnotationsConfig(AppConfig):
    """Registers the floor's models; starts nothing."""

    name = "annotations"
    default_auto_field = "django.db.models.BigAutoField"
