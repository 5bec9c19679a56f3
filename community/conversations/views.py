"""Conversations: one's list, one of them, beginning one."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import (
    require_http_methods,
    require_POST,
    require_safe,
)

from accounts.decorators import own_address, sign_in_required
from accounts.types import AuthenticatedHttpRequest
from community.conversations import services
from community.conversations.forms import (
    MAX_NAMES,
    ConversationForm,
    MessageForm,
    MessagePreferenceForm,
)
from community.conversations.models import (
    MessagePreference,
    PrivateConversation,
    PrivateMessage,
)
from community.conversations.queries import (
    WINDOW,
    list_conversations,
    message_preference_of,
    people_in,
    rows_of,
    told_of,
)
from community.forum.permissions import can_moderate
from community.moderation.forms import FlagForm
from community.moderation.models import Case
from core.errors import DomainError
from core.reading import Values, cursor_of
from edge import drafting
from edge.pagination import paginate


def conversation_page(request: AuthenticatedHttpRequest, pk: int) -> str:
    """Return the page of a conversation's form."""
    return f"/messages/{pk}/"


@require_safe
@sign_in_required
def conversation_list(request: AuthenticatedHttpRequest) -> HttpResponse:
    """What one takes part in, the latest first."""
    page = list_conversations(request.user, cursor_of(request))
    context: dict[str, object] = {"page": page, "rows": rows_of(page.items)}
    if can_moderate(request.user):
        reported = Case.objects.undecided().filter(kind=Case.Kind.MESSAGE)
        context["open_reports"] = reported.count()
    return render(request, "conversations/conversation_list.html", context)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def conversation_create(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Begin a conversation."""
    first = {"people": Values(request.GET).text("to", most=MAX_NAMES)}
    form = ConversationForm(request.POST or None, initial=first, sender=request.user)
    if request.method == "POST":
        if form.is_valid():
            try:
                conversation = services.create_conversation(
                    form.cleaned_data["people"],
                    by=request.user,
                    title=form.cleaned_data["title"],
                    text=form.cleaned_data["text"],
                    client_token=form.cleaned_data["client_token"],
                )
            except DomainError as error:
                form.refuse(error)
            else:
                drafting.accept(request)
                return redirect(conversation)
        context = {"form": form}
        return render(
            request, "conversations/conversation_create.html", context, status=422
        )
    return render(request, "conversations/conversation_create.html", {"form": form})


@require_safe
@sign_in_required
def conversation_detail(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """What was said, the latest at the end, and a form to go on."""
    return _page(request, _conversation(request, pk), MessageForm())


@require_POST
@sign_in_required(page=conversation_page)
def message_create(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Write in a conversation."""
    conversation = _conversation(request, pk)
    form = MessageForm(request.POST)
    if form.is_valid():
        try:
            message = services.create_message(
                conversation,
                by=request.user,
                text=form.cleaned_data["text"],
                client_token=form.cleaned_data["client_token"],
            )
        except DomainError as error:
            form.refuse(error)
        else:
            drafting.accept(request)
            return redirect(f"/messages/{pk}/#m{message.number}")
    return _page(request, conversation, form, status=422)


@require_POST
@sign_in_required(page=conversation_page)
def conversation_leave(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Leave a conversation."""
    services.leave_conversation(_conversation(request, pk), by=request.user)
    messages.success(request, _("You have left the conversation."))
    return redirect("conversations:conversation-list")


@require_POST
@sign_in_required
def message_remove(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Take back what one wrote."""
    message = _message(request, pk)
    if message.author_id != request.user.pk:
        raise PermissionDenied
    services.remove_message(message, by=request.user)
    return redirect(message)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def message_report(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    """Show a message to the moderators."""
    message = _message(request, pk)
    if message.author_id == request.user.pk or message.removed_at:
        raise PermissionDenied
    form = FlagForm(request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                services.flag_message(message, by=request.user, **form.cleaned_data)
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                drafting.accept(request)
                messages.success(request, _("The moderators have it now. Thank you."))
                return redirect(message)
        status = 422
    context = {"form": form, "message": message}
    return render(request, "conversations/message_report.html", context, status=status)


@require_http_methods(["GET", "POST"])
@sign_in_required(page=own_address)
def reach_edit(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Who may begin to write to one, and taking along what one wrote."""
    first = {"messages_from": message_preference_of(request.user)}
    form = MessagePreferenceForm(request.POST or None, initial=first)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            chosen = MessagePreference.From(form.cleaned_data["messages_from"])
            services.set_message_preference(request.user, chosen)
            drafting.accept(request)
            messages.success(request, _("Saved."))
            return redirect("conversations:reach-edit")
        status = 422
    return render(
        request, "conversations/reach_edit.html", {"form": form}, status=status
    )


@require_safe
@sign_in_required
def message_export(request: AuthenticatedHttpRequest) -> HttpResponse:
    """Everything one wrote in conversations, as JSON to keep."""
    answer = JsonResponse(
        {"messages": list(told_of(request.user))},
        json_dumps_params={"ensure_ascii": False, "indent": 1},
    )
    answer["Content-Disposition"] = 'attachment; filename="messages.json"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def _conversation(request: AuthenticatedHttpRequest, pk: int) -> PrivateConversation:
    return get_object_or_404(
        PrivateConversation.objects.visible_to(request.user), pk=pk
    )


def _message(request: AuthenticatedHttpRequest, pk: int) -> PrivateMessage:
    visible = PrivateMessage.objects.visible_to(request.user)
    return get_object_or_404(visible.select_related("author", "conversation"), pk=pk)


def _page(
    request: AuthenticatedHttpRequest,
    conversation: PrivateConversation,
    form: MessageForm,
    *,
    status: int = 200,
) -> HttpResponse:
    page = paginate(
        conversation.messages.select_related("author"),
        order_by=("-number", "pk"),
        cursor=cursor_of(request),
        page_size=WINDOW,
    )
    services.mark_read(conversation, user=request.user)
    people = people_in(conversation)
    context = {
        "conversation": conversation,
        "people": people,
        "others": [person for person in people if person.pk != request.user.pk],
        "page": page,
        "said": page.items[::-1],
        "form": form,
    }
    return render(
        request, "conversations/conversation_detail.html", context, status=status
    )
