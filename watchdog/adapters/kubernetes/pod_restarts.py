"""How often pods were started anew, in a form that a plan keeps and compares with later."""

import base64
import json
import struct
import zlib
from collections.abc import Mapping
from hashlib import sha256

# Pods of which it is kept how often they were. What is kept stands in the journal.
MOST = 2000
# Characters up to which a person can read it.
_READABLE = 4000
_PACKED = "packed"
# The beginning of the hash of a uid, which two of 2000 share twice in a million times; a count.
_ROW = struct.Struct(">5sI")
_HASHED = 5
_LARGEST = 2**32 - 1


def kept(counts: Mapping[str, int]) -> str:
    """`counts` by uid as text: readable, or packed where there are many.

    Of more than `MOST` pods, those that were started anew least often: a pod that crashes is
    what a rollback takes away.
    """
    plain = json.dumps(counts, separators=(",", ":"), sort_keys=True)
    if len(plain) <= _READABLE:
        return plain
    fewest = sorted(counts, key=lambda uid: (counts[uid], uid))[:MOST]
    rows = sorted(_ROW.pack(_hash(uid), min(counts[uid], _LARGEST)) for uid in fewest)
    packed = base64.b64encode(zlib.compress(b"".join(rows), 9)).decode()
    return json.dumps({_PACKED: packed})


def since(before: object, now: Mapping[str, int]) -> int | None:
    """How often they were started anew since `before` was kept; None where it is no such text.

    Pods that are gone do not count; of those that it does not know, all restarts do.
    """
    try:
        found = json.loads(str(before))
        if not isinstance(found, dict):
            return None
        if _PACKED in found:
            rows = _unpacked(found[_PACKED])
            return sum(max(0, count - rows.get(_hash(uid), 0)) for uid, count in now.items())
    except (ValueError, TypeError, RecursionError, zlib.error, struct.error):
        return None
    plain = {uid: count for uid, count in found.items() if isinstance(count, int)}
    return sum(max(0, count - plain.get(uid, 0)) for uid, count in now.items())


def _unpacked(text: str) -> dict[bytes, int]:
    return dict(_ROW.iter_unpack(zlib.decompress(base64.b64decode(text, validate=True))))


def _hash(uid: str) -> bytes:
    return sha256(uid.encode()).digest()[:_HASHED]
