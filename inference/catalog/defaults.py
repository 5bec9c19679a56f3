"""The two documentation assistants, which need nothing outside."""

from typing import Any

from inference.catalog.models import Deployment, Model
from inference.catalog.services import Rates, publish_model

_ASSISTANT = Deployment.Provider.DOCS_ASSISTANT
# Neither has a window of its own: a question and some pages fit, and answers are quoted
# whole. Prices in dollars for a million tokens, about those of models of their size.
DEFAULT_MODELS: dict[str, dict[str, Any]] = {
    "doorstone-docs": {
        "title": "Doorstone Docs",
        "edition": Model.Edition.OPEN,
        "summary": "Answers questions from this site's current documentation, with its sources.",
        "summary_zh": "依据本站当前文档回答问题，并注明出处。",
        "description": (
            "Finds the passages of the current documentation that answer a question and "
            "composes the answer from them. It invents nothing: every sentence is from a "
            "page it cites, and it says so when it finds none."
        ),
        "description_zh": (
            "从当前文档中找到能回答问题的段落，并据此组成答案。"
            "它不会编造内容：每句话都出自所引用的页面；找不到时会如实说明。"
        ),
        "licence": "Apache-2.0",
        "capabilities": ["chat", "completions", "streaming", "citations"],
        "context_tokens": 16_000,
        "max_output_tokens": 2_048,
        "default_output_tokens": 600,
        "deployments": [{"provider": _ASSISTANT, "options": {"scope": "current"}}],
        "rates": Rates.from_dollars("0.10", "0.40", "0.04", "0.15"),
    },
    "doorstone-docs-pro": {
        "title": "Doorstone Docs Pro",
        "edition": Model.Edition.PREMIUM,
        "summary": (
            "Also searches solved topics of the forum and older versions of the "
            "documentation."
        ),
        "summary_zh": "还会检索论坛中已解决的话题以及旧版本文档。",
        "description": (
            "What Doorstone Docs does, over more: the forum's solved topics, as far as the "
            "caller may see them, and the documentation of older versions."
        ),
        "description_zh": (
            "在 Doorstone Docs 的基础上检索更多内容：调用者可见的已解决论坛话题，"
            "以及旧版本的文档。"
        ),
        "licence": "Commercial",
        "capabilities": ["chat", "completions", "streaming", "citations"],
        "context_tokens": 32_000,
        "max_output_tokens": 4_096,
        "default_output_tokens": 900,
        "deployments": [{"provider": _ASSISTANT, "options": {"scope": "everything"}}],
        "rates": Rates.from_dollars("1.00", "4.00", "0.30", "1.20"),
    },
}


def ensure_default_models() -> list[Model]:
    """Offer the models that come with the product.

    What is there already is staff's: a price or a text they changed stays, and so does
    what they retired.
    """
    present = {
        model.slug: model for model in Model.objects.filter(slug__in=DEFAULT_MODELS)
    }
    return [
        present.get(slug) or publish_model(slug, **described)
        for slug, described in DEFAULT_MODELS.items()
    ]
