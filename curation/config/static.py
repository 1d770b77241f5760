"""Static files: hashed names, compressed copies, and imports between ES modules that follow the hashed names."""

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStatic(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage that also rewrites ``import … from "./core.js"`` in JavaScript modules.

    Before the first ``collectstatic`` there are no hashed names yet; a checkout then serves the files under their own. In
    production that is a mistake, and raises.
    """

    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        """Return the hashed name of a file, or its own name in a checkout where nothing was collected."""
        if not self.hashed_files and not settings.PRODUCTION:
            return name
        return str(super().stored_name(name))
