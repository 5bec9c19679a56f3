"""The file of a person's data: a ZIP with a JSON document a line for each part."""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from accounts.models import User
from accounts.preferences import speak_to
from privacy.readme import readme
from privacy.registry import parts

# A row of the database and a step of the download: small beside a worker's memory.
PIECE = 1024 * 1024
# Beyond this the file is written to disk while it is made.
_IN_MEMORY = 8 * PIECE


def pieces_of(user: User) -> Iterator[bytes]:
    """Yield the file of everything kept of ``user``, in pieces of a mebibyte."""
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            with speak_to(user):
                archive.writestr("README.txt", readme(settings.SITE_NAME))
            for name, rows in parts().items():
                with archive.open(f"{name}.ndjson", "w", force_zip64=True) as member:
                    for row in rows(user):
                        member.write(_line(row))
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def _line(row: Mapping[str, object]) -> bytes:
    text = json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False)
    # Half of a surrogate pair cannot be written; a mark stands in its place.
    return text.encode("utf-8", "replace") + b"\n"
