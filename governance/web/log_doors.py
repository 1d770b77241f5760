"""What anybody may read of the log: checkpoints, keys, proofs over hashes, and the commands to check them with.

No line's text is given here, only hashes: whoever holds a line can find it and check it, and nobody else learns what it says.
Forms: C2SP tlog-checkpoint, tlog-witness (the body of add-checkpoint, to be read instead of sent) and tlog-tiles.
"""

import base64
from pathlib import Path

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from governance import log, signing, witnesses
from governance.kernel.digests import STEP
from governance.kernel.errors import Invalid, Missing
from governance.kernel.notes import LONGEST_NOTE
from governance.kernel.words import _
from governance.models import Checkpoint, Leaf
from governance.web.access_rules import public
from governance.web.reach import NOT_HERE

CLIENTS = Path(__file__).resolve().parents[2] / "clients"
TEXT = "text/plain; charset=utf-8"
WIDTH = 1 << STEP


@public
@require_safe
def checkpoint_file(request: HttpRequest) -> HttpResponse:
    """The newest signed checkpoint, with the lines of the witnesses who vouch for it."""
    return HttpResponse(log.cosigned(_newest()), content_type=TEXT)


@public
@require_safe
def cosigned_file(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint that a witness cosigned, with every line under it."""
    found = witnesses.newest_cosigned()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return HttpResponse(log.cosigned(found), content_type=TEXT)


@public
@require_safe
def key_file(request: HttpRequest) -> HttpResponse:
    """The public keys that sign here, the one in use first, in PEM."""
    keys = signing.public_keys()
    first = signing.current_keyid()
    ordered = sorted(keys, key=lambda keyid: (keyid != first, keyid))
    return HttpResponse("".join(keys[keyid] for keyid in ordered), content_type="application/x-pem-file")


@public
@require_safe
def vkey_file(request: HttpRequest) -> HttpResponse:
    """The key in use, as a verifier key."""
    return HttpResponse(f"{log.vkey()}\n", content_type=TEXT)


@public
@require_safe
def since_file(request: HttpRequest, size: int) -> HttpResponse:
    """The newest checkpoint and the proof that it extends the tree of ``size`` leaves, in one answer.

    When the log is shorter than ``size``, there can be no proof and none is given: the reader sees it and keeps the evidence.
    """
    newest = _newest()
    path_ = log.consistency(size, newest.size) if 0 < size <= newest.size else []
    lines = [f"old {size}", *(base64.b64encode(step).decode() for step in path_)]
    return HttpResponse("\n".join(lines) + f"\n\n{newest.note}", content_type=TEXT)


@public
@require_safe
def consistency_file(request: HttpRequest, first: int, second: int) -> JsonResponse:
    """The proof that the tree of ``second`` leaves only added to that of ``first``."""
    return JsonResponse(
        {"first": first, "second": second, "path": [step.hex() for step in log.consistency(first, second)]}
    )


@public
@require_safe
def inclusion_file(request: HttpRequest, leaf: str) -> JsonResponse:
    """Where a leaf stands, by its hash, and the proof: for whoever holds the line itself."""
    newest = _newest()
    found = Leaf.objects.filter(hash=leaf.lower(), index__lt=newest.size).order_by("index").first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return JsonResponse(
        {
            "leaf_index": found.index,
            "size": newest.size,
            "root": newest.root,
            "path": [step.hex() for step in log.inclusion(found.index, newest.size)],
            "checkpoint": log.cosigned(newest),
        }
    )


@public
@require_safe
def tile_file(request: HttpRequest, level: int, place: str) -> HttpResponse:
    """A tile of hashes (C2SP tlog-tiles): 256 of them, or as many as ``.p/W`` says."""
    whole, _gap, width = place.partition(".p/")
    parts = whole.split("/")
    good = all(part.startswith("x") for part in parts[:-1]) and not parts[-1].startswith("x")
    digits = [part.removeprefix("x") for part in parts]
    if not good or len(digits) > 6 or any(len(part) != 3 or not part.isdecimal() for part in digits) or level > 7:
        raise Missing("not-found", NOT_HERE)
    count = int(width) if width.isdecimal() and len(width) < 4 else WIDTH
    first = int("".join(digits)) * WIDTH
    if not 0 < count <= WIDTH or (first + count) << (level * STEP) > log.sealed_size():
        raise Missing("not-found", NOT_HERE)
    hashes = b"".join(log.nodes(level * STEP, first, count))
    answer = HttpResponse(hashes, content_type="application/octet-stream")
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


@public
@csrf_exempt
@require_POST
def cosignatures(request: HttpRequest) -> HttpResponse:
    """Take the word of a witness: the checkpoint with its line under it. Nothing but a right signature opens this door."""
    try:
        note = request.read(LONGEST_NOTE + 1).decode()
    except UnicodeDecodeError as error:
        raise Invalid("proof-unreadable", _("The checkpoint cannot be read.")) from error
    kept = witnesses.receive(note)
    return JsonResponse({"size": kept[0].size, "witnesses": [one.witness.name for one in kept]}, status=201)


@public
@require_safe
def client_file(request: HttpRequest, name: str) -> HttpResponse:
    """The command with which anybody checks a proof, or becomes a witness."""
    answer = HttpResponse((CLIENTS / name).read_text(encoding="utf-8"), content_type="text/x-python; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _newest() -> Checkpoint:
    found = log.newest_checkpoint()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


urlpatterns: list[URLPattern] = [
    path("log/checkpoint", checkpoint_file, name="log-checkpoint-plain"),
    path("log/checkpoint/", checkpoint_file, name="log-checkpoint"),
    path("log/cosigned/", cosigned_file, name="log-cosigned"),
    path("log/keys/", key_file, name="log-keys"),
    path("log/vkey/", vkey_file, name="log-vkey"),
    path("log/since/<int:size>/", since_file, name="log-since"),
    path("log/consistency/<int:first>/<int:second>/", consistency_file, name="log-consistency"),
    path("log/proof/<str:leaf>/", inclusion_file, name="log-inclusion"),
    path("log/tile/<int:level>/<path:place>", tile_file, name="log-tile"),
    path("log/cosignatures/", cosignatures, name="log-cosignatures"),
    path("log/verify_proof.py", client_file, {"name": "verify_proof.py"}, name="log-verifier"),
    path("log/wellhouse_witness.py", client_file, {"name": "wellhouse_witness.py"}, name="log-witness-command"),
]
