"""Cutting a sentence into clauses: where one ends, the next begins, and which breast each is about.

A clause speaks of one finding or of a list of findings that share a side and a denial (`no mass, calcification or
distortion in the right breast`). Whatever comes after it, joined by `and`, a comma, a dash, a bracket or nothing at
all, is the next one: no denial and no doubt reaches over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mammoscribe.domain.view import Laterality
from mammoscribe.reporting.facts import FactKind
from mammoscribe.reporting.lexemes import Lexeme
from mammoscribe.reporting.synonyms import HEAD_AS_ASSOCIATED, NOUNS_OF_TERMS
from mammoscribe.reporting.vocabulary import BOTH, EITHER, SAME_SIDE, WHOLE_EXAM, Kind

Sides = tuple[Laterality | None, ...]
"""Breasts a clause is about; (None,) where it names none or is about the exam, () where it cannot be known which."""

SUBJECTS = (Kind.HEAD, Kind.ASSOCIATED, Kind.NODES, Kind.MANAGEMENT)
_TOPICS = (*SUBJECTS, Kind.STRUCTURE, Kind.NORMAL)
_CONTENT = (
    *_TOPICS, Kind.BIRADS, Kind.NO_BIRADS, Kind.DENSITY, Kind.DENSITY_WORDS, Kind.NO_DENSITY, Kind.LIMIT,
    Kind.CHANGE, Kind.PRIOR, Kind.NO_PRIOR,
)  # fmt: skip
ADJECTIVES = (Kind.TERM, Kind.JUDGEMENT, Kind.WORDING)
LOCATION_KINDS = (Kind.QUADRANT, Kind.HALF, Kind.DEPTH, Kind.REGION, Kind.CLOCK, Kind.DISTANCE)
_OPENS_PHRASE = (
    *ADJECTIVES, *LOCATION_KINDS, Kind.CHANGE, Kind.NEGATION, Kind.UNCERTAIN, Kind.OTHER, Kind.THERE, Kind.ARTICLE,
    Kind.SIDE, Kind.BREAST, Kind.SIZE, Kind.NOUN, Kind.FILLER, Kind.UNKNOWN, Kind.ONLY, Kind.AMOUNT,
)  # fmt: skip
"""What can stand between the start of a finding's phrase and its noun."""
_LIST_LINKS = (Kind.COMMA, Kind.AND, Kind.OR, Kind.FILLER)
_BOUNDARIES = (Kind.COMMA, Kind.AND, Kind.OR, Kind.MARK, Kind.BREAK)
_JOINS = (Kind.WITH, Kind.ASSOCIATED_MARK, Kind.INTERPRETS, Kind.HEDGE)
_BETWEEN_SIDES = (Kind.AND, Kind.OR, Kind.COMMA, Kind.ARTICLE, Kind.PREPOSITION, Kind.BREAST, Kind.FILLER)
_GOES_ON = (Kind.VERB, Kind.CHANGE, Kind.DENSITY, Kind.DENSITY_WORDS, Kind.BIRADS, Kind.NORMAL, Kind.HEAD, Kind.MARK)


@dataclass(frozen=True)
class Clause:
    """One clause of a sentence.

    Args:
        lexemes: its words; the words that join it to the one before are left out.
        sides: breasts it is about.
        side_at: places of the lexemes that name those breasts.
        follows: what joins it to the clause before, None for the first of a sentence.
        side_unclear: whether it may share its sides with the clause after it (`... in the left and in the right breast, a mass`).
    """

    lexemes: tuple[Lexeme, ...]
    sides: Sides
    side_at: frozenset[int] = frozenset()
    follows: Kind | None = None
    side_unclear: bool = False


def clauses_of(lexemes: Sequence[Lexeme], default: Sides) -> list[Clause]:
    """Clauses of a sentence, in order; one that names no breast is about that of the clause before it.

    Args:
        lexemes: of the sentence.
        default: breasts of the heading that the sentence is under.
    """
    marked = _with_associated(lexemes)
    cuts = [c for part in _cut_at_breaks(marked) for sub in _cut_at_topics(part) for c in _cut_at_sides(sub)]
    clauses: list[Clause] = []
    context, join = default, None
    for cut in cuts:
        words, leading, trailing = _trimmed(cut, first=not clauses)
        sides, side_at = _sides_of(words, context)
        if clauses and not side_at and len(clauses[-1].side_at) > 1 and len(clauses[-1].sides) > 1:
            clauses[-1] = replace(clauses[-1], side_unclear=True)
        follows = None if not clauses else (join or leading or Kind.BREAK)
        clauses.append(Clause(words, sides, side_at, follows))
        context, join = sides or context, trailing
    return clauses


def _with_associated(lexemes: Sequence[Lexeme]) -> list[Lexeme]:
    """Heads listed after `associated` turned into associated features of another finding."""
    listed = (Kind.ASSOCIATED, Kind.COMMA, Kind.AND, Kind.OR, Kind.JUDGEMENT, Kind.TERM, Kind.NOUN, Kind.FILLER)
    turned: list[Lexeme] = []
    listing = False
    for lexeme in lexemes:
        if lexeme.kind is Kind.ASSOCIATED_MARK:
            listing = True
        elif listing and lexeme.kind is Kind.HEAD and kind_of(lexeme) in HEAD_AS_ASSOCIATED:
            lexeme = Lexeme(Kind.ASSOCIATED, (HEAD_AS_ASSOCIATED[kind_of(lexeme)],), lexeme.text)
        elif lexeme.kind not in listed:
            listing = False
        turned.append(lexeme)
    return turned


def kind_of(head: Lexeme) -> FactKind:
    """Kind of finding that a HEAD names."""
    return head.value[0]


def _has(lexemes: Iterable[Lexeme], kinds: Sequence[Kind]) -> bool:
    return any(x.kind in kinds for x in lexemes)


def _cut_at_breaks(lexemes: Sequence[Lexeme]) -> list[list[Lexeme]]:
    """Cut at `but`, `;`, `except` and the like wherever both parts say something."""
    parts: list[list[Lexeme]] = [[]]
    for i, lexeme in enumerate(lexemes):
        breaks = lexeme.kind in (Kind.BREAK, Kind.EXCEPT)
        if breaks and _has(parts[-1], _CONTENT) and _has(lexemes[i + 1 :], _CONTENT):
            parts.append([])
        elif not breaks or lexeme.text != ";":
            parts[-1].append(lexeme)
    return parts


# --- at findings ------------------------------------------------------------------------------------------------


def _cut_at_topics(part: list[Lexeme]) -> list[list[Lexeme]]:
    """Cut before every finding, feature or structure that does not belong to the one before it."""
    cuts, last = [0], None
    for i, lexeme in enumerate(part):
        if lexeme.kind in SUBJECTS:
            start = phrase_start(part, i, cuts[-1] if last is None else last + 1)
            if _is_separate(part, last, start, i) if last is not None else _has(part[cuts[-1] : start], (Kind.NORMAL,)):
                cuts.append(_lead_in(part, cuts[-1] if last is None else last + 1, start))
            last = i
        elif lexeme.kind in (Kind.STRUCTURE, Kind.NORMAL) and last is not None:
            start = phrase_start(part, i, last + 1)
            if part[start - 1].kind in _BOUNDARIES and _has(part[i:], (Kind.NORMAL, Kind.NEGATION)):
                cuts.append(start)
                last = None
    return [part[a:b] for a, b in zip(cuts, [*cuts[1:], len(part)], strict=True)]


def _lead_in(part: Sequence[Lexeme], floor: int, start: int) -> int:
    """Where the clause with this phrase begins: at `and the left breast shows`, `; left:` where such words open it."""
    side = next((i for i in range(start - 1, floor, -1) if part[i].kind is Kind.SIDE), None)
    if side is None or not _has(part[side + 1 : start], (Kind.VERB, Kind.MARK)):
        return start
    opening = side - 1 if part[side - 1].kind is Kind.ARTICLE else side
    listed = opening > 1 and part[opening - 2].kind is Kind.SIDE and "breast" not in part[opening - 2].text
    trailing = part[opening - 1].kind is Kind.COMMA and not _has(part[:opening], (Kind.SIDE,))
    return start if listed or trailing or part[opening - 1].kind not in _BOUNDARIES else opening - 1


def phrase_start(part: Sequence[Lexeme], noun: int, floor: int) -> int:
    """Where the phrase of the noun begins: its adjectives, article, denial or doubt, side and place before it."""
    at = noun
    while at > floor:
        measured = part[at - 1].text == "of" and at - 1 > floor and part[at - 2].kind in (Kind.UNKNOWN, Kind.AMOUNT)
        if not (measured or _opens(part[at - 1]) or _joins_adjectives(part, at - 1, floor)):
            break
        if part[at - 1].kind is Kind.SIDE and _after_preposition(part, at - 1, floor):
            break
        at -= 1
    return at


def _after_preposition(part: Sequence[Lexeme], at: int, floor: int) -> bool:
    """Whether the word ends `in the right breast`, which belongs to what is before it."""
    before = [x.kind for x in part[max(floor, at - 2) : at] if x.kind is not Kind.ARTICLE]
    return before[-1:] == [Kind.PREPOSITION]


def _opens(lexeme: Lexeme) -> bool:
    return lexeme.kind in _OPENS_PHRASE and lexeme.text not in NOUNS_OF_TERMS


def _joins_adjectives(part: Sequence[Lexeme], at: int, floor: int) -> bool:
    """Whether the comma or `and` stands between two adjectives of one noun."""
    if part[at].kind not in (Kind.COMMA, Kind.AND, Kind.OR) or at <= floor:
        return False
    return _opens(part[at - 1]) and part[at - 1].kind in ADJECTIVES and part[at + 1].kind in ADJECTIVES


def _is_separate(part: Sequence[Lexeme], last: int, start: int, noun: int) -> bool:
    """Whether the noun's phrase opens a new clause after the finding at `last`."""
    gap = part[last + 1 : start]
    before = next((x for x in reversed(gap) if x.kind not in (Kind.FILLER, Kind.NEARBY)), None)
    feature_beside = part[noun].kind is Kind.ASSOCIATED and part[start - 1].kind is Kind.NEARBY
    if is_mention(part, noun) or feature_beside or (before is not None and before.kind in _JOINS):
        return False
    same_family = (part[last].kind is Kind.MANAGEMENT) == (part[noun].kind is Kind.MANAGEMENT)
    in_list = all(x.kind in _LIST_LINKS for x in gap) and not _has(part[start:noun], (Kind.THERE, Kind.SIDE, Kind.ONLY))
    return not (same_family and in_list)


def is_mention(part: Sequence[Lexeme], noun: int) -> bool:
    """Whether the noun only refers to a finding, as in `within the mass` or `adjacent to the calcifications`."""
    at = noun - 1
    while at >= 0 and part[at].kind in (*ADJECTIVES, *LOCATION_KINDS, Kind.SIZE, Kind.UNKNOWN, Kind.NOUN, Kind.CHANGE):
        at -= 1
    if at >= 0 and part[at].kind is Kind.NEARBY and part[at].text not in ("overlying", "surrounding"):
        return True
    definite = at > 0 and part[at].text in ("the", "this", "that", "these", "those")
    return definite and part[at - 1].kind in (Kind.PREPOSITION, Kind.NEARBY)


# --- at sides ---------------------------------------------------------------------------------------------------


def _cut_at_sides(part: list[Lexeme]) -> list[list[Lexeme]]:
    """Cut where another breast is named that is not listed with the one before (`right: ..., left: ...`)."""
    named = [i for i, x in enumerate(part) if x.kind is Kind.SIDE]
    for before, at in pairwise(named):
        if part[before].value == part[at].value or are_listed(part, before, at):
            continue
        cut = next((j for j in range(at - 1, before, -1) if part[j].kind in _BOUNDARIES and part[j].text != "("), None)
        if cut is not None and _has(part[:cut], _CONTENT) and _has(part[cut:], _CONTENT):
            return [part[:cut], *_cut_at_sides(part[cut:])]
    return [part]


def are_listed(part: Sequence[Lexeme], before: int, at: int) -> bool:
    """Whether two sides are one list (`left and right breast`), which nothing but its last member goes on from."""
    between = part[before + 1 : at]
    joined = _has(between, (Kind.AND, Kind.OR)) and all(x.kind in _BETWEEN_SIDES for x in between)
    after = next((x for x in part[at + 1 :] if x.kind is not Kind.BREAST), None)
    goes_on = after is not None and after.kind in _GOES_ON and _has(part[at + 1 :], _CONTENT)
    return joined and not (goes_on and _has(part[:before], _CONTENT))


def _sides_of(words: Sequence[Lexeme], context: Sides) -> tuple[Sides, frozenset[int]]:
    """Breasts that a clause names, with the places of the words that name them; else those of the context."""
    named = [i for i, x in enumerate(words) if x.kind is Kind.SIDE]
    taken, found = [], dict[Laterality | None, None]()
    for i in named:
        sides = _meaning(words[i], context)
        if not sides:
            return (), frozenset()
        if taken and not (set(sides) == set(found) or are_listed(words, taken[-1], i)):
            continue
        taken.append(i)
        found |= dict.fromkeys(sides)
    if not found:
        return _sides_of_views(words) or context, frozenset()
    return tuple(s for s in (*Laterality, None) if s in found), frozenset(taken)


def _meaning(lexeme: Lexeme, context: Sides) -> Sides:
    """Breasts that a side word stands for; none where `contralateral` has nothing to be contralateral to."""
    if isinstance(lexeme.value, Laterality):
        return (lexeme.value,)
    if lexeme.value in (BOTH, EITHER):
        return tuple(Laterality)
    if lexeme.value == WHOLE_EXAM:
        return (None,)
    single = len(context) == 1 and context[0] is not None
    if lexeme.value == SAME_SIDE:
        return context if single else ()
    return tuple(s for s in Laterality if s is not context[0]) if single else ()


def _sides_of_views(words: Sequence[Lexeme]) -> Sides:
    """Breasts of the views that are named; a finding is in one breast, that of the first."""
    shown = [x.value[0] for x in words if x.kind is Kind.VIEW]
    return tuple(shown[:1]) if _has(words, SUBJECTS) else tuple(s for s in Laterality if s in shown)


def _trimmed(cut: Sequence[Lexeme], first: bool) -> tuple[tuple[Lexeme, ...], Kind | None, Kind | None]:
    """The clause without the words that join it to its neighbours, and the strongest of those words."""
    links = (Kind.COMMA, Kind.AND, Kind.OR, Kind.MARK)
    begin, end = 0, len(cut)
    while not first and begin < end and cut[begin].kind in links:
        begin += 1
    while end > begin and cut[end - 1].kind in links:
        end -= 1
    return tuple(cut[begin:end]), _strongest(cut[:begin]), _strongest(cut[end:])


def _strongest(links: Sequence[Lexeme]) -> Kind | None:
    kinds = [x.kind for x in links]
    return next((k for k in (Kind.OR, Kind.AND, Kind.MARK, Kind.COMMA) if k in kinds), None)
