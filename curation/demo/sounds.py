"""Synthetic sound for the demo: bells, whistles and foghorns of a harbour that does not exist. No voice of anybody."""

import numpy as np
import soundfile

RATE = 16_000
KINDS = ("bell", "whistle", "foghorn")


def sound(kind: str, number: int) -> "np.ndarray":
    """Return a mono wave in -1..1 at 16 kHz, 1.5 to 3 seconds long; the same arguments give the same wave."""
    chance = np.random.default_rng([KINDS.index(kind), number])
    seconds = 1.5 + 1.5 * chance.random()
    t = np.arange(int(RATE * seconds)) / RATE
    if kind == "bell":
        base = 500 + 300 * chance.random()
        wave = sum(np.sin(2 * np.pi * base * k * t) * np.exp(-t * (1.2 + k)) / k for k in (1, 2.01, 2.99, 4.2))
    elif kind == "whistle":
        rise = 900 + 250 * chance.random() + 500 * np.sin(2 * np.pi * (0.4 + chance.random()) * t)
        wave = np.sin(2 * np.pi * np.cumsum(rise) / RATE) * np.minimum(1, np.minimum(t, seconds - t) * 8)
    else:
        base = 90 + 40 * chance.random()
        wave = np.tanh(3 * np.sin(2 * np.pi * base * t)) * np.minimum(1, np.minimum(t, seconds - t) * 4)
    wave = wave + chance.normal(0, 0.01, len(t))
    return np.asarray(0.6 * wave / np.max(np.abs(wave)), dtype=np.float32)


def write_sound(path: str, kind: str, number: int) -> None:
    """Write one sound as FLAC (16 bit)."""
    soundfile.write(path, sound(kind, number), RATE, format="FLAC", subtype="PCM_16")
