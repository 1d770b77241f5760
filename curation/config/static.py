"""Static files: hashed names, compressed copies, and imports between ES modules that follow the hashed names."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStatic(CompressedManifestStaticFilesStorage):
    """Whitenoise's storage that also rewrites ``import … from "./core.js"`` in JavaScript modules."""

    support_js_module_import_aggregation = True
