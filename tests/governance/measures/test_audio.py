"""How long a recording is, and its peaks."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from governance.kernel.errors import Invalid
from governance.measures import audio


def test_length_and_peaks_follow_the_sound(tmp_path: Path) -> None:
    rate, path = 8_000, tmp_path / "a.flac"
    sound = np.concatenate([np.zeros(rate), np.full(rate, 0.5)])
    soundfile.write(path, sound, rate)

    measured = audio.measure(path)

    peaks = measured["peaks"]
    assert measured["seconds"] == 2.0
    assert isinstance(peaks, bytes) and len(peaks) == audio.PEAKS
    assert max(peaks[:195]) == 0 and set(peaks[205:]) <= {127, 128}


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"RIFF\x00\x00\x00\x00WAVEbroken")

    with pytest.raises(Invalid):
        audio.measure(path)
