"""What the REST API of conversations takes and gives."""

from typing import Any

from rest_framework import serializers

from community.conversations.forms import MAX_TEXT, checked_about, people_named
from community.forum.forms import checked_text
from edge.endpoints import PageSerializer
from edge.rest import StrictSerializer


class PersonSerializer(serializers.Serializer[Any]):
    """Another person who takes part."""

    username = serializers.CharField()
    name = serializers.CharField()


class ConversationSerializer(serializers.Serializer[Any]):
    """A conversation as its list shows it."""

    id = serializers.IntegerField(source="conversation.pk")
    title = serializers.CharField(source="conversation.title")
    people = PersonSerializer(many=True)
    unread = serializers.IntegerField()
    last_message_at = serializers.DateTimeField(source="conversation.last_message_at")


class MessageSerializer(serializers.Serializer[Any]):
    """A message: its Markdown and the HTML made of it; empty when it was taken back."""

    id = serializers.IntegerField(source="pk")
    number = serializers.IntegerField()
    author = serializers.CharField(source="author.username")
    text = serializers.CharField(source="source_md")
    html = serializers.CharField()
    created_at = serializers.DateTimeField()
    is_removed = serializers.BooleanField()


class StartedSerializer(MessageSerializer):
    """The first message of a conversation, and the key of the conversation."""

    conversation = serializers.IntegerField(source="conversation_id")


class ConversationPageSerializer(PageSerializer):
    """A page of conversations, the latest first."""

    results = ConversationSerializer(many=True)


class MessagePageSerializer(PageSerializer):
    """A page of messages, the latest first."""

    results = MessageSerializer(many=True)


class NewMessageSerializer(StrictSerializer):
    """A message to write."""

    text = serializers.CharField(max_length=MAX_TEXT)
    client_token = serializers.CharField(max_length=64, default="", allow_blank=True)

    def validate_text(self, text: str) -> str:
        """Return the text without what nobody sees."""
        return checked_text(text)


class NewConversationSerializer(NewMessageSerializer):
    """A conversation to begin."""

    title = serializers.CharField(max_length=120)
    people = serializers.ListField(
        child=serializers.CharField(max_length=40),
        help_text="User names: one to nine, not one's own.",
    )

    def validate_title(self, title: str) -> str:
        """Return the title on one line."""
        return checked_about(title)

    def validate_people(self, names: list[str]) -> Any:
        """Return the people who were named."""
        return people_named(",".join(names), sender=self.context["sender"])
