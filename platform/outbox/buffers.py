"""What is noted in Redis now and written down in PostgreSQL soon, exactly once."""

import logging
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone
from redis.exceptions import RedisError

from core.ids import new_public_id
from stores.redis import client, prefixed

logger = logging.getLogger(__name__)

# Claims a batch, or returns the one that was claimed and never finished. Its first
# item is its id, so that the process that finishes it knows whether it is written.
_CLAIM = """
if redis.call('EXISTS', KEYS[2]) == 0 then
  local items = redis.call('LRANGE', KEYS[1], 0, ARGV[2] - 1)
  if #items == 0 then return {} end
  redis.call('RPUSH', KEYS[2], ARGV[1], unpack(items))
  redis.call('LTRIM', KEYS[1], ARGV[2], -1)
end
return redis.call('LRANGE', KEYS[2], 0, -1)
"""
# Forgets a batch that is written, unless the next one has taken its place.
_FORGET = """
if redis.call('LINDEX', KEYS[1], 0) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
"""


class Buffer:
    """A list in Redis that is emptied in batches.

    A batch is claimed before it is written and forgotten afterwards, and its id is
    committed with it. A worker that dies anywhere between leaves a claim that the
    next one finishes: nothing is lost, and nothing written twice.
    """

    def __init__(self, name: str, *, limit: int) -> None:
        """Beyond ``limit`` items nobody seems to empty it: the oldest is dropped."""
        self.name = name
        self.limit = limit

    def add(self, item: str) -> bool:
        """Note one item; tell whether Redis took it. Without Redis it is lost."""
        try:
            pipeline = client().pipeline(transaction=False)
            pipeline.rpush(prefixed(self.name), item)
            pipeline.ltrim(prefixed(self.name), -self.limit, -1)
            pipeline.execute()
        except RedisError as error:
            logger.warning(
                "buffer.not_added", extra={"buffer": self.name, "error": str(error)}
            )
            return False
        return True

    def flush(self, write: Callable[[list[bytes]], int], *, batch: int = 2000) -> int:
        """Have ``write`` put each batch into the database; return how many it wrote.

        ``write`` runs inside a transaction and says how many it wrote. Raises what it
        raises, and ``RedisError``; what was claimed then is written by the next flush,
        so ``write`` drops what can never be written.
        """
        written = 0
        while claimed := self._claim(batch):
            batch_id, *items = claimed
            written += _write_once(batch_id.decode(), items, write)
            client().eval(_FORGET, 1, prefixed(f"{self.name}:claimed"), batch_id)
        return written

    def _claim(self, batch: int) -> list[bytes]:
        keys = (prefixed(self.name), prefixed(f"{self.name}:claimed"))
        claimed: list[bytes] = client().eval(
            _CLAIM, 2, *keys, new_public_id("batch"), batch
        )
        return claimed


@transaction.atomic
def _write_once(
    batch_id: str, items: list[bytes], write: Callable[[list[bytes]], int]
) -> int:
    """Write a batch unless it is written; who comes second waits for the first."""
    from outbox.models import WrittenBatch

    _, is_new = WrittenBatch.objects.get_or_create(
        id=batch_id, defaults={"written_at": timezone.now()}
    )
    return write(items) if is_new else 0
