"""Reading one sentence: its phrases, what context makes of them, and their attributes."""

from __future__ import annotations

from collections.abc import Sequence

from reportnlp.rules.assertions import SentenceState, bring_cues, mention
from reportnlp.rules.attributes import share_values
from reportnlp.rules.candidates import covers, resting_on, surviving
from reportnlp.rules.lexicon import Kind, Lexicon
from reportnlp.rules.matcher import TokenText
from reportnlp.rules.readings import Assertion, Found, Loose, Mention, Reading
from reportnlp.text.context import load_words

EMPTY = Reading(())
_HINTS = (Kind.REDEFINED, Kind.RIVAL, Kind.SUPPORT)


def read_sentence(lexicon: Lexicon, sentence: str) -> Reading:
    """Read one sentence, given alone, normalised and folded."""
    tokens, hits = lexicon.matcher.read(sentence)
    if not hits:
        return EMPTY
    state = SentenceState(lexicon, tokens, hits)
    found = _without_headings(tokens, surviving(state.told))
    bring_cues(state, found)
    mentions = [mention(state, role, match, found) for role, match in found]
    found, mentions = _without_denied_kinds(lexicon, found, mentions)
    owned, loose = share_values(state, found, mentions)
    return Reading(
        tuple(m._replace(values=tuple(owned.get(i, ()))) for i, m in enumerate(mentions)),
        tuple(loose),
        _continues(tokens.words, loose),
        _is_bare(tokens, loose),
        frozenset((kind, item.role.finding) for kind in _HINTS for item in state.told.get(kind, ())),
        resting_on(found, state.told.get(Kind.SHORTHAND, ())),
    )


def _without_headings(tokens: TokenText, found: list[Found]) -> list[Found]:
    """Leave out a finding's name that only heads the line ("Pleural effusion: there is no effusion")."""
    return [
        item
        for item in found
        if item.match.start > 1
        or tokens.words[item.match.end : item.match.end + 1] != (":",)
        or not any(f.role.finding == item.role.finding and f.match.start > item.match.end for f in found)
    ]


def _continues(words: Sequence[str], loose: Sequence[Loose]) -> bool:
    """Whether a sentence goes on from the one before: by its words, or as a fragment of attributes alone."""
    known = load_words()
    fragment = len({item.value.attribute for item in loose}) > 1 and known.verbs.isdisjoint(words)
    return fragment or not known.continues.isdisjoint(words)


def _is_bare(tokens: TokenText, loose: Sequence[Loose]) -> bool:
    """Whether a sentence is nothing but attribute answers."""
    valued = [item.value for item in loose]
    words = [i for i, word in enumerate(tokens.words) if word[:1].isalnum()]
    return bool(words) and all(
        any(v.start <= tokens.starts[i] and tokens.ends[i] <= v.end for v in valued) for i in words
    )


def _without_denied_kinds(
    lexicon: Lexicon, found: list[Found], mentions: list[Mention]
) -> tuple[list[Found], list[Mention]]:
    """Leave out what is denied or asked of a parent in the words of a kind ("no subdural bleed")."""
    if not lexicon.kin:
        return found, mentions
    gone = (Assertion.ABSENT, Assertion.QUESTIONED)
    denied = [i for i, m in enumerate(mentions) if m.assertion in gone]
    dropped = {
        parent
        for parent in denied
        for kind in denied
        if (mentions[kind].finding, mentions[parent].finding) in lexicon.kin
        and covers(found[kind].match, found[parent].match)
    }
    kept = [i for i in range(len(found)) if i not in dropped]
    return [found[i] for i in kept], [mentions[i] for i in kept]
