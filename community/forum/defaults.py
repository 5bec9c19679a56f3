"""The categories a new installation begins with."""

from community.forum.models import Category, Visibility

CATEGORIES = (
    (
        "help",
        ("Help", "求助"),
        (
            "Questions about using the models and the API.",
            "关于模型与 API 使用的问题。",
        ),
    ),
    (
        "models",
        ("Models", "模型"),
        ("What the open and premium models can do.", "开放模型与高级模型的能力。"),
    ),
    (
        "self-hosting",
        ("Self-hosting", "自托管"),
        ("Running it all yourself.", "自行部署全部服务。"),
    ),
    ("show", ("Show and tell", "作品展示"), ("What you have built.", "展示您的作品。")),
)


def ensure_categories() -> None:
    """Create the categories of an empty forum; leave any other as it is."""
    if Category.objects.exists():
        return
    Category.objects.bulk_create(
        Category(
            slug=slug,
            name=names[0],
            name_zh=names[1],
            description=descriptions[0],
            description_zh=descriptions[1],
            position=position,
        )
        for position, (slug, names, descriptions) in enumerate(CATEGORIES)
    )


def ensure_category(slug: str, names: tuple[str, str], visibility: str) -> Category:
    """Return the category at ``slug``; a new one is the last, ``names`` en and zh."""
    category, _ = Category.objects.get_or_create(
        slug=slug,
        defaults={
            "name": names[0],
            "name_zh": names[1],
            "visibility": Visibility(visibility),
            "position": Category.objects.count(),
        },
    )
    return category
