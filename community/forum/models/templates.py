"""What the text of a new topic may begin with, by category and kind."""

from django.db import models
from django.utils.translation import get_language

from community.forum.models.places import Category
from community.forum.models.topics import Topic

# In characters: a page of headings. What is longer is read by nobody who asks.
MAX_TEMPLATE = 4_000


class TopicTemplate(models.Model):
    """The headings that staff ask for, in either language or both."""

    category = models.ForeignKey(
        Category, on_delete=models.CASCADE, related_name="templates"
    )
    kind = models.CharField(max_length=12, choices=Topic.Kind.choices)
    text = models.TextField(max_length=MAX_TEMPLATE, blank=True)
    text_zh = models.TextField(max_length=MAX_TEMPLATE, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["category", "kind"], name="forum_topictemplate_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.category_id} {self.kind}"

    @property
    def localised_text(self) -> str:
        """The text in the reader's language, or in the one there is."""
        is_chinese = (get_language() or "").startswith("zh")
        first, second = (
            (self.text_zh, self.text) if is_chinese else (self.text, self.text_zh)
        )
        return first or second
