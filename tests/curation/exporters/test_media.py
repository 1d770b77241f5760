"""Media versions: real `datasets` decodes pictures and sound out of the shards that hold their bytes.

Sound needs torchcodec (and with it torch) to be decoded by `datasets` itself; where that is missing, the bytes that
`datasets` hands out undecoded are decoded by soundfile, and the feature it announces is still Audio.
"""

import hashlib
import io
from pathlib import Path

import numpy
import soundfile
from PIL import Image

from curation.exporters import card, parquet
from curation.exporters._facts import Column, File
from tests.curation.exporters.facts import facts

IMAGES = """
import json, sys
import datasets
d = datasets.load_dataset(sys.argv[1], "image", split="train")
print("@@" + json.dumps({"feature": type(d.features["media"]).__name__, "size": d[0]["media"].size,
  "pixel": d[1]["media"].getpixel((0, 0)), "label": d.features["label"].int2str(d[0]["label"])}))
"""
SOUND = """
import importlib.util, io, json, sys
import datasets, soundfile
d = datasets.load_dataset(sys.argv[1], "audio", split="train")
feature = type(d.features["media"]).__name__
if importlib.util.find_spec("torchcodec"):
    decoded = d[0]["media"]
    rate, n = decoded["sampling_rate"], len(decoded["array"])
else:
    plain = d.cast_column("media", datasets.Audio(decode=False))[0]["media"]
    array, rate = soundfile.read(io.BytesIO(plain["bytes"]))
    n = len(array)
print("@@" + json.dumps({"feature": feature, "rate": rate, "n": n}))
"""


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 20, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def tone(seconds: float) -> bytes:
    buffer = io.BytesIO()
    wave = numpy.sin(numpy.arange(int(16_000 * seconds)) / 10) * 0.1
    soundfile.write(buffer, wave, 16_000, format="FLAC")
    return buffer.getvalue()


def write(folder: Path, kind: str, extension: str, contents: list[bytes]) -> None:
    columns = (
        Column("sample_id", "string", required=True),
        Column("media", kind),
        Column("label", "class_label", names=("glad", "sad")),
    )
    rows = [
        (f"{i:032x}", {"bytes": c, "path": f"media/{hashlib.sha256(c).hexdigest()}.{extension}"}, i % 2)
        for i, c in enumerate(contents)
    ]
    path = parquet.shard_path(kind, "train", 0, 1)
    (folder / path).parent.mkdir(parents=True)
    written = parquet.write(rows, columns, folder / path)
    file = File(path, written.size, written.sha256, kind, "train", written.rows, written.uncompressed)
    described = facts(configs={"default": columns[:1], kind: columns})
    (folder / card.PATH).write_bytes(card.render(described, [file]))


def test_datasets_decodes_pictures(tmp_path: Path, run_client) -> None:
    write(tmp_path, "image", "png", [picture(10), picture(200)])

    found = run_client(IMAGES, str(tmp_path))

    assert found == {"feature": "Image", "size": [8, 6], "pixel": [200, 20, 30], "label": "glad"}


def test_datasets_hands_out_sound_as_audio(tmp_path: Path, run_client) -> None:
    write(tmp_path, "audio", "flac", [tone(0.5), tone(0.25)])

    found = run_client(SOUND, str(tmp_path))

    assert found == {"feature": "Audio", "rate": 16_000, "n": 8_000}


def test_media_shards_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    write(tmp_path / "a", "audio", "flac", [tone(0.5), tone(0.25)])
    write(tmp_path / "b", "audio", "flac", [tone(0.5), tone(0.25)])

    name = "audio/train-00000-of-00001.parquet"
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
