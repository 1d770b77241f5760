"""The curation floor, as Django knows it."""

from django.apps import AppConfig


class CurationConfig(AppConfig):
    """Registers the floor's models; starts nothing."""

    name = "curation"
    default_auto_field = "django.db.models.BigAutoField"
