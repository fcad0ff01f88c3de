"""What stands around a head CT's findings: why it was done, what goes with that, what is left alone."""

from __future__ import annotations

from reportnlp.generators._head_ct.sorts import OLD_AGES
from reportnlp.generators._head_ct.story import Story
from reportnlp.generators._head_ct.tables import HEAD, NAMES
from reportnlp.generators.blocks import ABSENT, PRESENT, SILENT, UNCERTAIN


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
        story.say(_compared(story), "comparison")


def _compared(story: Story) -> str:
    """An earlier scan is named where it is spoken of, or where there is nothing to compare."""
    if story.scene.known:
        return "compared_known" if story.case.scene == "shunt" else "compared_recent"
    if story.after:
        return "compared_recent"
    found = {PRESENT, UNCERTAIN} & set(story.answers.values())
    return "compared_none" if found else "compared"


def _why(story: Story) -> None:
    """The indication; only a scan after an injury is now and then a child's."""
    name = story.case.scene
    story.child = name == "trauma" and story.sorts["sdh"] != "tent" and story.happens(0.09)
    if story.child:
        story.avoid.update(HEAD.child.avoid)
    if story.child:
        story.say("why_child", "indication")
        return
    if name == "tumor":
        _why_tumor(story)
    elif name == "follow":
        kind = "_gone" if story.gone else "" if story.case.there("ich") else "_none"
        story.say(f"why_follow{kind}", "indication", known=story.slots["past"])
    elif name == "postop":
        story.say(f"why_postop_{story.sorts['op']}", "indication")
    elif name == "general" and story.case.there("ich", "inf", "mass", "me"):
        story.say("why_general_found", "indication")
    elif story.after:
        story.say("why_stroke_after", "indication")
    else:
        story.say(f"why_{name}", "indication")


def _why_tumor(story: Story) -> None:
    """A tumor that is known is called by its name from there on."""
    history = _cancer(story)
    names: tuple[str, ...] = ("low grade glioma",)
    if story.case.there("mass"):
        names = HEAD.tumors.get(story.sorts["mass"], ("brain tumor",))
    story.slots["brain_tumor"] = story.random.choice(names)
    if history == "known" and story.case.there("mass"):
        story.slots["mass_where"] = "mass_known"
    story.say(f"why_tumor_{history}", "indication")


def _cancer(story: Story) -> str:
    """What the patient is known to have, so that what is found is that, or is new."""
    sort = story.sorts["mass"]
    if not story.case.there("mass"):
        known = () if story.answers["mass"] == ABSENT else ("known",)
        history: str = story.random.choice(("cancer", "cancer", "new", *known))
        return history
    if sort in HEAD.metastatic:
        return "cancer"
    return "known" if sort in HEAD.tumors and story.happens(0.5) else "new"


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
    if around and _goes_with(story, around.rule) and story.happens(around.chance):
        rule = around.rule
        if story.case.scene == "postop":
            rule = f"{rule}_{story.sorts['op']}"
        elif story.case.scene == "arrest" and story.case.there("me"):
            rule = "around_swollen"
        story.say(rule, "findings", around.topic)
        story.avoid.update(around.avoid)
    if story.case.scene == "shunt" and story.answers["hc"] == SILENT:
        story.say("vents_same", "findings", "ventricles")
        if story.style.has("impression") and story.happens(0.6):
            story.say("vents_same", "impression")
    if story.sorts["inf"] in ("mca", "mca_part") and story.happens(0.3) and story.case.there("inf"):
        story.say("dense", "findings", "brain")
    if story.happens(0.2) and not story.child:
        remarks = HEAD.remarks.get(story.case.scene, ("remark",))
        clear = story.case.scene == "headache" and set(story.answers.values()) <= {ABSENT, SILENT}
        story.say("remark_clear" if clear else story.random.choice(remarks), "findings", "end")
    if story.happens(0.07) and not story.case.there("fx", "mass"):
        story.say("limits_ok", "findings", "limits")


def _goes_with(story: Story, rule: str) -> bool:
    """Whether a patient with this bleed has what goes with the scene: tubes are for fresh ones."""
    return rule != "around_icu" or (story.case.there("ich") and story.case.age not in OLD_AGES)


def tell_urgency(story: Story) -> None:
    """Somebody was called, or something is advised: one of these at most."""
    stroke = story.case.there("inf") and story.case.scene == "stroke"
    new = story.case.there("ich", "fx") and story.case.scene not in ("follow", "postop", "arrest")
    if (new or (story.case.there("me") and story.pusher != "inf")) and story.happens(0.28):
        story.say("urgent", "closing")
    elif stroke and story.happens(0.4):
        story.say("urgent_stroke", "closing")
    elif (new or stroke) and story.happens(0.15):
        story.say("call_team", "closing")
    elif story.happens(0.17):
        section = "impression" if story.style.has("impression") else "findings"
        story.say(_advice(story), section, "end")


def _advice(story: Story) -> str:
    """The rule of advice that goes with what was found."""
    if story.case.there("sah") and story.sorts["sah"] == "cisterns" and not story.scene.known:
        return "advice_rupture"
    if story.case.there("ich"):
        return "advice_bleed"
    return "advice_trauma" if story.case.scene in ("trauma", "follow", "postop") else "advice_mri"


def tell_something(story: Story) -> None:
    """Where nothing is said at all, say what goes with the scene, or that there is nothing to it."""
    told = {act.section for act in story.acts}
    around = story.scene.around
    if told.isdisjoint(("findings", "impression")) and story.style.has("findings"):
        general = around is None or story.case.scene in ("postop", "arrest")
        story.say("remark" if general or around is None else around.rule, "findings", "brain")


def leave_alone(story: Story) -> None:
    """Settle what the rest of the report must not say beside this."""
    story.avoid.update(story.scene.avoid)
    for short, by_answer in HEAD.leaves.items():
        story.avoid.update(by_answer.get(story.answers[short], ()))
    if UNCERTAIN in (story.body["sdh"], story.end["sdh"]):
        story.avoid.update(HEAD.leaves["sdh"][UNCERTAIN])
    if story.flat or story.alone:
        story.avoid.update(HEAD.concluded)
    if story.bare:
        story.avoid.update(HEAD.leaves["inf"][UNCERTAIN])
