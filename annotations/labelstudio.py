"""The only file that knows label-studio-sdk; loaded by jobs and commands, never by the web.

Our own reading of a config (``annotations.configs``) is the stricter one; this asks Label Studio's own, so that a config that
opens here is one that opens there.
"""

from label_studio_sdk._legacy.exceptions import (
    LabelStudioValidationErrorSentryIgnored,
    LabelStudioXMLSyntaxErrorSentryIgnored,
    LSConfigParseException,
)
from label_studio_sdk.label_interface import LabelInterface

from annotations import configs
from governance.kernel.errors import Invalid
from governance.kernel.words import _

_REFUSALS = (
    LabelStudioValidationErrorSentryIgnored,
    LabelStudioXMLSyntaxErrorSentryIgnored,
    LSConfigParseException,
    ValueError,
    KeyError,
)


def check(config: str) -> None:
    """Raise ``Invalid`` (``config-refused``) unless Label Studio's own library takes the config and sees the same controls."""
    ours = {node.name for node in configs.parse(config).controls}
    try:
        theirs = LabelInterface(config)
        theirs.validate()
    except _REFUSALS as error:
        raise Invalid("config-refused", _("Label Studio does not take this config: {why}"), why=str(error)) from error
    differing = ours ^ {str(control.name) for control in theirs.controls}
    if differing:
        words = _("Label Studio reads this config in another way; it differs at {names}.")
        raise Invalid("config-refused", words, names=", ".join(sorted(differing)))
