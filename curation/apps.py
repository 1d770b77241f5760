"""The curation floor, as Django knows it."""

from importlib import import_module

from django.apps import AppConfig


class CurationConfig(AppConfig):
    """Registers the floor's models, and what this floor writes in the transactions of the floors below; starts nothing."""

    name = "curation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Load what registers itself below: a withdrawal must find it in every process."""
        import_module("curation.revocations")
