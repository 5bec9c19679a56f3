"""What the product's own sections mean comes with it."""

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from community.docs.defaults import ROOT, VECTORS, ensure_docs, texts_of_site
from community.docs.services import import_version
from search import indexing
from search.meaning import digest_of
from search.models import Embedding, IndexEntry


def test_the_file_holds_the_sections_as_they_are() -> None:
    texts = {digest_of(text) for part in texts_of_site() for text in part}

    # Pages have changed: EMBEDDINGS_URL=… manage.py docs vectors writes it anew.
    assert set(indexing._vectors_in(VECTORS)) == texts


@pytest.mark.django_db
def test_after_a_first_start_nothing_waits_to_be_embedded(settings: Any) -> None:
    assert settings.EMBEDDINGS_URL == ""

    ensure_docs()

    assert indexing.progress().total > 300
    assert indexing.progress().waiting == 0


@pytest.mark.django_db
def test_an_index_from_before_there_was_meaning_is_built_anew() -> None:
    ensure_docs()
    IndexEntry.objects.update(digest="", source="")

    ensure_docs()

    assert not IndexEntry.objects.filter(digest="").exists()
    assert indexing.progress().waiting == 0


@pytest.mark.django_db
def test_the_vectors_of_another_model_stay_out(settings: Any) -> None:
    settings.EMBEDDINGS_MODEL = "another"

    import_version(ROOT / "0.9", version="0.9")

    assert not Embedding.objects.exists()


@pytest.mark.django_db
def test_what_is_shipped_is_not_embedded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No model is set up: with one text missing this would raise.
    file = tmp_path / "vectors"
    file.write_bytes(VECTORS.read_bytes())
    monkeypatch.setattr("community.docs.defaults.VECTORS", file)

    call_command("docs", "vectors")

    assert file.read_bytes() == VECTORS.read_bytes()
