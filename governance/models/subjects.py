"""Who the log speaks of without naming: people and contributors, each known there by a pseudonym of their own.

The pseudonym is a random number that stands in the subject's own row and nowhere else outside the log. It is the key by which
that subject's lines are found, and the only one: nothing derives it. Emptying it (erasing the subject) leaves every line, every
leaf hash and every proof as they were, and nobody can say any more whose they are. Decision 0023.
"""

import secrets

from django.db import models


def new_id() -> str:
    """A public id: 16 random bytes in hex. Says nothing about order, number or time."""
    return secrets.token_hex(16)


class Subject(models.Model):
    """Somebody of whom the log speaks."""

    # Null once the subject was erased.
    pseudonym = models.CharField(max_length=32, unique=True, null=True, default=new_id, editable=False)

    class Meta:
        abstract = True

    def named(self, kind: str) -> str:
        """How the log names this subject."""
        return f"{kind}:{self.pseudonym or 'erased'}"
