"""The governance floor, as Django knows it."""

from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    """Registers the floor's models; starts nothing."""

    name = "governance"
    default_auto_field = "django.db.models.BigAutoField"
