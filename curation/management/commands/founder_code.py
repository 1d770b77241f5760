"""Make a code with which one person founds one community: the operator's only part in it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.urls import reverse

from governance import communities


class Command(BaseCommand):
    """Print a founder code and where to use it."""

    help = "Make a code, good once and for a week, with which somebody founds a community. You get no role in it."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the code; only its hash is kept."""
        code = communities.issue_founder_code()
        self.stdout.write(
            f"{code}\n{settings.PUBLIC_URL}{reverse('found')}\nGood once, for a week. Hand it to the founder."
        )
