"""What a text encoder does not read of a prompt: the column `text_warning` and a line for all of them.

Texts without words and in another language than English are found before anything is made. Whether a text is
cut is a matter of the encoder's own tokens (`models.text_encoders`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable

from intermask_cli.reading.phases import split_phases

NO_WORDS, NOT_ENGLISH, CUT = "no words", "not English", "cut"
#: Encoders trained on English only: those that models are trained with here.
ENGLISH_ENCODERS = ("all-MiniLM-L6-v2", "clip-vit-large-patch14-336")
#: Tokens of a text that were cut off and of the complete text; (0, n) where it is complete.
CutTokens = Callable[[str], tuple[int, int]]
#: Latin texts of fewer words are judged by `_OTHER` alone: `tango` is a word of every language.
_FEWEST_WORDS = 4
#: Share of letters outside the Latin script above which a text is not English; one letter may be a name's.
_FOREIGN_SHARE = 0.1
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
#: Common English words of such texts that other languages do not have. Of 34 sentences in 30 languages
#: none has one of them, of 176 English prompts of this repository all have.
_ENGLISH = frozenset(
    re.findall(
        r"\w+",
        """
    the and with each other another while then they their them his you your its from into who which
    two three four both people persons woman boy girl boys girls men women kids couple pair friend friends
    someone towards toward behind together around down out back away before after like first second third
    left right side hands arms legs leg head foot feet body shoulder shoulders fist fists fighters
    walk walks walking run runs running stand stands standing sit sits sitting jump jumps jumping step steps
    turn turns turning bow bows bowing wave waves waving hug hugs hugging kick kicks kicking punch punches
    push pushes pushing pull pulls pulling dance dances dancing dancers shake shakes shaking hold holds
    holding raise raises lift lifts throw throws catch catches hit hits fight fights fighting face faces
    facing look looks play plays playing game high five handshake give gives take takes talk talks help helps
    greet greets rock paper scissors
    """,
    )
)
#: Words that short texts on two people have in other languages: pronouns, numbers, people. Words are left out
#: that English has too (die, man, due, con), or names of dances (pas de deux).
_OTHER = frozenset(
    re.findall(
        r"\w+",
        """
        sie ihr wir ich zwei ein eine einen einem der das und mit sich beide leute menschen personen mann frau
        männer frauen kinder ils elles nous une les des avec personnes gens homme femme hommes femmes enfants
        ellos ellas nosotros una uno los las personas gente hombre mujer hombres mujeres niños
        loro noi persone uomo donna uomini donne gli bambini eles elas nós duas dois uma pessoas homem mulher
        homens mulheres twee zij een het elkaar mensen vrouw mannen vrouwen två människor personer mennesker
        hverandre hinanden varandra dwie dwoje osoby ludzie ludzi oni kobieta mężczyzna dva dvě lidé osoba muž
        žena iki kişi insan kadın kaksi ihmistä két ember dua orang hai người doi oameni bărbat femeie
        """,
    )
)
#: Adverbs; of the length given, no other language's common words end so.
_ADVERB = re.compile(r"[a-z]{4,}ly")


def about_words(text: str, english: bool = True) -> str:
    """`NO_WORDS`, `NOT_ENGLISH` where the encoder knows English only, or "" for a text that it knows."""
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return NO_WORDS if text else ""  # no text at all is meant: a reaction without a prompt
    if not english:
        return ""
    foreign = sum(not unicodedata.name(letter, "LATIN").startswith("LATIN") for letter in letters)
    if foreign > _FOREIGN_SHARE * len(letters):
        return NOT_ENGLISH
    words = _WORD.findall(text.lower())
    known = any(word in _ENGLISH or _ADVERB.fullmatch(word) for word in words)
    if known or (len(words) < _FEWEST_WORDS and not any(word in _OTHER for word in words)):
        return ""
    return NOT_ENGLISH


def text_warning(text: str, encoder_id: str, cut: CutTokens | None = None) -> str:
    """What the encoder does not read of a text, "" for nothing; `cut` None does not look at its tokens."""
    warnings = [about_words(text, encoder_id in ENGLISH_ENCODERS)]
    if cut is not None:
        lost, tokens = max((cut(phase) for phase in split_phases(text)), default=(0, 0))
        warnings.append(f"{CUT}: {lost:,} of {tokens:,} tokens are not read" if lost else "")
    return "; ".join(filter(None, warnings))


def summary_line(warnings: Iterable[str], where: str = "") -> str | None:
    """One line that counts the warnings of all texts by kind; None without any."""
    kinds = Counter(part.partition(":")[0] for warning in warnings for part in warning.split("; ") if part)
    if not kinds:
        return None
    words = {
        NO_WORDS: "without words",
        NOT_ENGLISH: "not English, which is all that the text encoder knows",
        CUT: "longer than the text encoder reads",
    }
    counts = "; ".join(f"{kinds[kind]:,} {words[kind]}" for kind in words if kinds[kind])
    return f"texts: {counts}{where}"
