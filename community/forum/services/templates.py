"""What the text of a new topic begins with: staff write it by category and kind."""

from django.db import transaction

from accounts.models import User
from audit import services as audit
from community.forum.cleaning import clean_text
from community.forum.models import Category, TopicTemplate


@transaction.atomic
def set_template(
    category: Category, *, kind: str, text: str, text_zh: str, by: User
) -> None:
    """Have topics of ``kind`` in ``category`` begin so; both empty is no template.

    The category's row is locked, so that of two at once the later stays whole.
    """
    Category.objects.select_for_update(no_key=True).get(pk=category.pk)
    after = {"text": clean_text(text), "text_zh": clean_text(text_zh)}
    present = TopicTemplate.objects.filter(category=category, kind=kind)
    before = present.values("text", "text_zh").first() or {"text": "", "text_zh": ""}
    if before == after:
        return
    if any(after.values()):
        TopicTemplate.objects.update_or_create(
            category=category, kind=kind, defaults=after
        )
    else:
        present.delete()
    audit.record(
        "category.template_changed",
        actor=by,
        target=f"category:{category.pk}",
        before={"kind": kind, **before},
        after={"kind": kind, **after},
    )
