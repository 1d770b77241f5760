"""Asking for everything that is somebody's own, to take with them."""

from typing import ClassVar

from django.db import models

from governance.models.holdings import Contributor
from governance.models.people import Community, Person, new_id
from governance.models.requests import Request


class PersonExport(Request):
    """A request for everything of one person in one community; the file is kept for a week, for whoever asked."""

    JOB: ClassVar[str] = "governance.portable:run_export"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    held_by = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="+")
    # Whose: an account with everything that belongs to it, or one contributor without an account.
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="exports")
    size = models.BigIntegerField(default=0)

    @property
    def community(self) -> Community:
        """The community that holds it."""
        return self.held_by
