"""Recordings: how long, and 400 peaks for drawing the sound before it is loaded.

``measure(path)`` reads the file in blocks of one second and never holds it whole. A peak is the greatest absolute amplitude of
its four-hundredth of the recording, 0..255.
"""

from pathlib import Path

import numpy as np
import soundfile

from governance.kernel.errors import Invalid
from governance.kernel.words import _

PEAKS = 400


def measure(path: Path) -> dict[str, object]:
    """Return ``seconds`` and ``peaks`` (400 unsigned bytes); raises ``Invalid`` (``media-unreadable``) for a broken file."""
    try:
        with soundfile.SoundFile(str(path)) as sound:
            frames, rate = sound.frames, sound.samplerate
            peaks = np.zeros(PEAKS)
            at = 0
            for block in sound.blocks(blocksize=rate, dtype="float32", always_2d=True):
                loud = np.abs(block).max(axis=1)
                places = (np.arange(at, at + len(loud)) * PEAKS) // max(frames, 1)
                np.maximum.at(peaks, np.clip(places, 0, PEAKS - 1), loud)
                at += len(loud)
    except (soundfile.SoundFileError, RuntimeError, ValueError) as error:
        raise Invalid("media-unreadable", _("This recording cannot be read: {why}."), why=str(error)) from None
    return {"seconds": round(at / rate, 3), "peaks": (np.clip(peaks, 0, 1) * 255).astype(np.uint8).tobytes()}
