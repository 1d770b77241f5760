"""Invented stories in Marren, a language that nobody speaks, each with its gloss and the feeling that its teller had.

No word of it was taken from any language: syllables are drawn by chance. The generator is seeded, so that the same number of
tales gives the same tales, with faults put in on purpose: sentences told twice with a comma moved, the same words under two
feelings, a thin class, one teller who tells much more than the others.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

PLAIN, GLAD, SAD, ANGRY = "plain", "glad", "sad", "angry"
FEELINGS = (PLAIN, GLAD, SAD, ANGRY)
# Believable imbalance: few tales are angry or afraid.
SHARES = {PLAIN: 0.55, GLAD: 0.25, SAD: 0.165, ANGRY: 0.035}

WHO = (
    "the old woman",
    "my brother",
    "the ferryman",
    "the smallest child",
    "our neighbour",
    "the net maker",
    "my mother's mother",
    "the boat builder",
    "two girls",
    "the salt carrier",
    "the bell keeper",
    "everyone",
)
DID = (
    "mended",
    "carried",
    "counted",
    "lost",
    "found",
    "painted",
    "buried",
    "shared",
    "hid",
    "washed",
    "waited for",
    "called for",
)
WHAT = (
    "the winter boat",
    "the blue net",
    "a basket of shells",
    "the lamp",
    "the bread",
    "three ropes",
    "the tide bell",
    "the door",
    "a letter",
    "the drum",
    "the red coat",
    "the oars",
    "the salt jar",
    "the map",
)
WHERE = (
    "at the quay",
    "by the reed bank",
    "under the bridge",
    "behind the smoke house",
    "on the mud flats",
    "at the far light",
    "near the well",
    "in the long room",
    "where the herons stand",
    "on the sand road",
)
WHEN = (
    "before the tide",
    "in the first frost",
    "at night",
    "when the fog came",
    "on market day",
    "after the storm",
    "that spring",
    "while we slept",
    "on the shortest day",
    "long ago",
)
TAILS = {
    PLAIN: (
        "",
        "as every year",
        "and went home",
        "and said so",
        "and nobody was surprised",
    ),
    GLAD: (
        "and we laughed until dark",
        "and the whole street sang",
        "and what a joy it was",
        "and my heart was light",
    ),
    SAD: (
        "and I still miss it",
        "and nobody came back",
        "and the house was so quiet",
        "and how I long for that day",
    ),
    ANGRY: (
        "and I was afraid to breathe",
        "and I shouted at the water",
        "and they had no right",
    ),
}

_STARTS = ("s", "l", "m", "r", "t", "d", "h", "n", "k", "w", "v", "sh", "tr", "br", "")
_VOWELS = ("a", "e", "o", "u", "i", "ā", "ē", "ō")
_ENDS = ("", "", "", "n", "l", "r", "m", "ʻ")


@cache
def marren(phrase: str) -> str:
    """Return the invented words for an English phrase: syllables drawn by its letters, one word for every two of its words."""
    if not phrase:
        return ""
    chance = random.Random(f"marren:{phrase}")
    words = []
    for _ in range(max(1, len(phrase.split()) // 2)):
        syllables = ("".join(map(chance.choice, (_STARTS, _VOWELS, _ENDS))) for _ in range(chance.choice((2, 2, 3))))
        words.append("".join(syllables))
    return " ".join(words)


@dataclass(frozen=True)
class Tale:
    """One invented sentence: its words, its gloss, its feeling, who told it, from which telling, and how it came."""

    key: str
    text: str
    gloss: str
    feeling: str
    teller: str
    telling: str
    split: str


def tales(count: int, tellers: Sequence[str], seed: int = 7) -> list[Tale]:
    """Return ``count`` tales; with the same arguments always the same ones.

    About 4 in 100 repeat an earlier tale nearly word for word (some of them across the file's own split column), and 1 in 100
    repeats it with another feeling.
    """
    chance = random.Random(seed)
    made: list[Tale] = []
    seen: set[str] = set()
    while len(made) < count:
        number = len(made)
        teller = _teller(chance, tellers)
        telling = f"{teller} {1 + number // 60}"
        split = chance.choices(("train", "validation", "test"), (8, 1, 1))[0]
        key = f"t{number + 1:04d}"
        if number > 50 and chance.random() < 0.04:
            made.append(_retold(chance, made, key, teller, telling, split))
            continue
        feeling = chance.choices(FEELINGS, [SHARES[f] for f in FEELINGS])[0]
        text, gloss = _sentence(chance, feeling)
        if text in seen:
            continue
        seen.add(text)
        made.append(Tale(key, text, gloss, feeling, teller, telling, split))
    return made


def _teller(chance: random.Random, tellers: Sequence[str]) -> str:
    # One voice tells much more than the others, as in every collection.
    return tellers[min(int(chance.expovariate(0.22)), len(tellers) - 1)]


def _sentence(chance: random.Random, feeling: str) -> tuple[str, str]:
    words = [chance.choice(part) for part in (WHEN, WHO, DID, WHAT, WHERE)]
    tail = chance.choice(TAILS[feeling])
    if chance.random() < 0.5:
        words[0], words[4] = words[4], words[0]
    text = " ".join(map(marren, words)) + (f", {marren(tail)}" if tail else "")
    gloss = f"{words[0]}, {words[1]} {words[2]} {words[3]} {words[4]}" + (f", {tail}" if tail else "")
    return text[0].upper() + text[1:] + ("!" if feeling == ANGRY else "."), gloss[0].upper() + gloss[1:] + "."


def _retold(chance: random.Random, made: Sequence[Tale], key: str, teller: str, telling: str, split: str) -> Tale:
    earlier = made[chance.randrange(len(made))]
    text = (
        earlier.text.replace(",", "")
        if "," in earlier.text and chance.random() < 0.5
        else earlier.text.replace(".", "!")
    )
    feeling = (
        chance.choice([f for f in FEELINGS if f != earlier.feeling]) if chance.random() < 0.25 else earlier.feeling
    )
    return Tale(key, text, earlier.gloss, feeling, teller, telling, split)


def opinion(tale: Tale, annotator: int, seed: int = 7) -> str:
    """What annotator number ``annotator`` hears in ``tale``: mostly the teller's feeling, sometimes another.

    The third annotator takes longing for plain telling now and then; all of them differ at times. Seeded by tale and person.
    """
    chance = random.Random(f"{seed}:{tale.key}:{annotator}")
    slip = (0.07, 0.09, 0.14, 0.08, 0.1)[annotator % 5]
    if annotator % 5 == 2 and tale.feeling == SAD and chance.random() < 0.3:
        return PLAIN
    if chance.random() < slip:
        return chance.choice([f for f in FEELINGS if f != tale.feeling])
    return tale.feeling
