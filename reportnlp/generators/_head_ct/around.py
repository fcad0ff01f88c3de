"""What stands around a head CT's findings: why it was done, what goes with that, what is left alone."""

from __future__ import annotations

from reportnlp.generators._head_ct.story import Story
from reportnlp.generators._head_ct.tables import HEAD, NAMES
from reportnlp.generators.blocks import UNCERTAIN


def tell_front(story: Story) -> None:
    """Say why and how the head was scanned, and what that is compared with."""
    scene = story.scene
    brief = 0.5 if story.alone else 1.0
    if story.happens(0.5):
        story.say(scene.title, "title")
    if story.happens(0.78 * brief):
        _why(story)
    if story.happens((0.04 + 0.22 * story.style.detail) * brief):
        story.say(scene.technique, "technique")
    if story.happens((0.5 if scene.known else 0.16) * brief):
        story.say("compared_known" if scene.known else "compared", "comparison")


def _why(story: Story) -> None:
    """The indication; only a scan after an injury is now and then a child's."""
    name = story.case.scene
    story.child = name == "trauma" and story.sorts["sdh"] != "tent" and story.happens(0.09)
    if story.child:
        story.avoid.update(HEAD.child.avoid)
    story.say("why_child" if story.child else f"why_{name}", "indication")


def tell_failure(story: Story) -> None:
    """A scan that shows nothing of use."""
    story.avoid.update(story.scene.avoid)
    if story.style.has("findings"):
        story.say("useless", "findings", "limits", tuple(NAMES))
    if story.style.has("impression"):
        story.say("useless_end", "impression", shows=tuple(NAMES))


def tell_context(story: Story) -> None:
    """Drains, flaps, tubes: what goes with the scene and answers nothing."""
    if not story.style.has("findings"):
        return
    around = story.scene.around
    if around and story.happens(around.chance):
        story.say(around.rule, "findings", around.topic)
        story.avoid.update(around.avoid)
    if story.sorts["inf"] in ("mca", "mca_part") and story.happens(0.3) and story.case.there("inf"):
        story.say("dense", "findings", "brain")
    if story.happens(0.26) and not story.child:
        story.say("remark", "findings", "other")
    if story.happens(0.07) and not story.case.there("fx", "mass"):
        story.say("limits_ok", "findings", "limits")


def tell_urgency(story: Story) -> None:
    """Somebody was called."""
    if story.case.there("ich", "me", "fx") and story.happens(0.28):
        story.say("urgent", "closing")
    elif story.case.there("inf") and story.case.scene == "stroke" and story.happens(0.4):
        story.say("urgent_stroke", "closing")


def leave_alone(story: Story) -> None:
    """Settle what the rest of the report must not say beside this."""
    story.avoid.update(story.scene.avoid)
    for short, by_answer in HEAD.leaves.items():
        story.avoid.update(by_answer.get(story.answers[short], ()))
    if UNCERTAIN in (story.body["sdh"], story.end["sdh"]):
        story.avoid.update(HEAD.leaves["sdh"][UNCERTAIN])
    if story.bare:
        story.avoid.update(HEAD.leaves["inf"][UNCERTAIN])
