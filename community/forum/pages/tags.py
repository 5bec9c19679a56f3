"""Where moderators look after tags."""

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.decorators import own_address, sign_in_required
from accounts.models import User
from accounts.types import AuthenticatedHttpRequest
from community.forum import permissions, services
from community.forum.cleaning import clean_title
from community.forum.models import Tag
from community.forum.tagging import MAX_NAME
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate

ACTS = ("rename", "synonym", "merge", "release")


class TagForm(forms.Form):
    """The name that an act on a tag needs."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=MAX_NAME)

    def clean_name(self) -> str:
        """Return the name on one line, without what nobody sees."""
        return clean_title(self.cleaned_data["name"])


@require_safe
@sign_in_required
def tag_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Every tag by name, with its other names."""
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    others = Prefetch("synonyms", Tag.objects.order_by("name"))
    page = paginate(
        Tag.objects.filter(synonym_of=None).prefetch_related(others),
        order_by=("name", "pk"),
        cursor=cursor_of(request),
    )
    return render(request, "forum/tag_list.html", {"page": page})


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def tag_edit(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Rename a tag, give it other names, or merge it into another one."""
    if not permissions.can_moderate(request.user):
        raise PermissionDenied
    tag = get_object_or_404(Tag.objects.select_related("synonym_of"), pk=pk)
    form, act, status = TagForm(initial={"name": tag.name}), "", 200
    if request.method == "POST":
        form, status = TagForm(request.POST), 422
        act = Values(request.POST).choice("act", ACTS)
        if act == "release" or form.is_valid():
            try:
                name = form.cleaned_data.get("name", "") if form.is_valid() else ""
                kept = _do(act, tag, name=name, by=request.user)
            except DomainError as error:
                form.add_error(None if act == "release" else "name", str(error))
            else:
                drafting.accept(request)
                messages.success(request, _("Saved."))
                return redirect("forum:tag-edit", kept.pk)
    context = {"tag": tag, "form": form, "act": act, "synonyms": tag.synonyms.all()}
    return render(request, "forum/tag_edit.html", context, status=status)


def _do(act: str, tag: Tag, *, name: str, by: User) -> Tag:
    """Do what was asked for, and return the tag to go on with."""
    if act == "rename":
        return services.rename_tag(tag, name=name, by=by)
    if act == "synonym":
        services.add_synonym(tag, name=name, by=by)
    elif act == "merge":
        found = Tag.objects.filter(name__iexact=name).first()
        if found is None:
            raise DomainError(_("There is no tag “%(name)s”.") % {"name": name})
        return services.merge_tag(tag, into=found, by=by)
    elif act == "release":
        services.remove_synonym(tag, by=by)
    else:
        raise PermissionDenied
    return tag
