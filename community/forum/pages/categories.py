"""Where staff look after the categories."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import staff_required
from accounts.types import AuthenticatedHttpRequest
from community.forum import services
from community.forum.models import KINDS, MAX_TEMPLATE, Category, Topic, every_kind
from community.forum.services.categories import CategoryValues
from edge import drafting
from edge.fields import TextField

# Room to leave gaps; nobody has so many.
LAST_PLACE = 9_999


class CategoryForm(forms.ModelForm[Category]):
    """A category; the address is chosen once."""

    position = forms.IntegerField(
        label=gettext_lazy("Place in the list"),
        min_value=0,
        max_value=LAST_PLACE,
        help_text=gettext_lazy("The smallest comes first."),
    )

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What is opened here"),
        choices=Topic.Kind.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=every_kind,
        help_text=gettext_lazy("Announcements are for moderators and staff anyway."),
    )

    class Meta:
        model = Category
        fields = (
            "name",
            "name_zh",
            "slug",
            "description",
            "description_zh",
            "position",
            "visibility",
            "kinds",
            "topics_by",
            "replies_by",
        )
        labels = {
            "name": gettext_lazy("Name"),
            "name_zh": gettext_lazy("Name in Chinese"),
            "slug": gettext_lazy("Address"),
            "description": gettext_lazy("Description"),
            "description_zh": gettext_lazy("Description in Chinese"),
            "visibility": gettext_lazy("Who sees it"),
            "topics_by": gettext_lazy("Who opens topics"),
            "replies_by": gettext_lazy("Who replies and comments"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["slug"]

    def clean_kinds(self) -> list[str]:
        """Return the kinds in their order."""
        return [kind for kind in KINDS if kind in self.cleaned_data["kinds"]]

    def values(self) -> CategoryValues:
        """Return what was typed, without the address."""
        typed = {n: v for n, v in self.cleaned_data.items() if n != "slug"}
        return cast(CategoryValues, typed)


class TemplatesForm(forms.Form):
    """What topics of a category begin with: a text per kind and language."""

    def __init__(self, *args: Any, category: Category, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.category = category
        present = {each.kind: each for each in category.templates.all()}
        for kind in self.kinds:
            template = present.get(kind)
            label = Topic.Kind(kind).label
            for name, words, text in (
                (kind, "%(kind)s", template.text if template else ""),
                (
                    f"{kind}_zh",
                    _("%(kind)s, in Chinese"),
                    template.text_zh if template else "",
                ),
            ):
                self.fields[name] = TextField(
                    label=words % {"kind": label},
                    max_length=MAX_TEMPLATE,
                    required=False,
                    initial=text,
                    widget=forms.Textarea(attrs={"rows": 5}),
                )

    @property
    def kinds(self) -> list[str]:
        """The kinds that are opened in the category."""
        return self.category.kinds

    def texts_of(self, kind: str) -> dict[str, str]:
        """Return what was typed for ``kind``, by language."""
        return {
            "text": self.cleaned_data[kind],
            "text_zh": self.cleaned_data[f"{kind}_zh"],
        }


@require_safe
@staff_required
def category_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every category in its order."""
    context = {"categories": Category.objects.all()}
    return render(request, "forum/category_list.html", context)


@require_http_methods(["GET", "POST"])
@staff_required
def category_create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Make a category; it is the last one unless a place is typed."""
    first = {"position": Category.objects.count()}
    form = CategoryForm(request.POST or None, initial=first)
    if request.method == "POST" and form.is_valid():
        slug = form.cleaned_data["slug"]
        services.create_category(slug, form.values(), by=request.user)
        drafting.accept(request)
        messages.success(request, _("Saved."))
        return redirect("forum:category-list")
    return _page(request, form)


@require_http_methods(["GET", "POST"])
@staff_required
def category_edit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Change a category, and who may see it or write in it."""
    category = get_object_or_404(Category, pk=pk)
    form = CategoryForm(request.POST or None, instance=category)
    if request.method == "POST" and form.is_valid():
        services.edit_category(category, form.values(), by=request.user)
        drafting.accept(request)
        messages.success(request, _("Saved."))
        return redirect("forum:category-list")
    return _page(request, form)


@require_http_methods(["GET", "POST"])
@staff_required
def category_templates(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Write what topics of a category begin with."""
    category = get_object_or_404(Category, pk=pk)
    form = TemplatesForm(request.POST or None, category=category)
    if request.method == "POST" and form.is_valid():
        for kind in form.kinds:
            services.set_template(
                category, kind=kind, by=request.user, **form.texts_of(kind)
            )
        drafting.accept(request)
        messages.success(request, _("Saved."))
        return redirect("forum:category-edit", pk)
    context = {"form": form, "category": category}
    status = 422 if request.method == "POST" else 200
    return render(request, "forum/category_templates.html", context, status=status)


def _page(request: AuthenticatedHttpRequest, form: CategoryForm) -> HttpResponse:
    status = 422 if request.method == "POST" else 200
    return render(request, "forum/category_edit.html", {"form": form}, status=status)
