"""Acting a script out through the forum's services: slow, and the measure of truth."""

from collections.abc import Callable, Iterable

from community.forum import services as forum
from community.forum.models import Post, Topic
from demo.clock import at
from demo.script import Accept, Action, Cast, Edit, Open, Reply


def play(actions: Iterable[Action], on_action: Callable[[], None]) -> dict[int, Topic]:
    """Do everything in its time; return the topics by their number in the script."""
    topics: dict[int, Topic] = {}
    posts: dict[int, Post] = {}
    for action in actions:
        with at(action.moment):
            _act(action, topics, posts)
        on_action()
    return topics


def _act(action: Action, topics: dict[int, Topic], posts: dict[int, Post]) -> None:
    match action:
        case Open():
            topic = forum.create_topic(
                action.category,
                author=action.author,
                title=action.title,
                text=action.text,
                kind=action.kind,
                tags=action.tags,
                limited=False,
            )
            topics[action.topic] = topic
            posts[action.post] = topic.posts.get(number=1)
        case Reply():
            posts[action.post] = forum.post_reply(
                Topic.objects.get(pk=topics[action.topic].pk),
                author=action.author,
                text=action.text,
                limited=False,
            )
        case Cast():
            forum.vote(
                posts[action.post], by=action.by, value=action.value, limited=False
            )
        case Accept():
            forum.accept_answer(
                Post.objects.get(pk=posts[action.post].pk), by=action.by
            )
        case Edit():
            forum.edit_post(
                posts[action.post],
                editor=action.by,
                text=action.text,
                title=action.title,
                reason=action.reason,
            )
