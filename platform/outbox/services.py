"""Keeping the outbox small."""

from datetime import timedelta

from django.utils import timezone

from outbox.models import WrittenBatch


def prune_batches(*, days: int = 7) -> int:
    """Forget batches nobody can claim again; return how many."""
    old = timezone.now() - timedelta(days=days)
    return WrittenBatch.objects.filter(written_at__lt=old).delete()[0]
