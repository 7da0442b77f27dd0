"""Cleaning of texts before CLIP's byte-pair tokenizer (reference `model.md` section 6).

Model and evaluator of the published system both read captions through it. The original leans on ftfy; what
of it matters for captions is written out here. Text in a wrong encoding ("canâ€™t") is not repaired.
"""

from __future__ import annotations

import html
import re
import unicodedata

_QUOTES = str.maketrans(dict.fromkeys("ʼ‘’‚‛", "'") | dict.fromkeys("“”„‟", '"'))
#: Latin ligatures, and letters as wide as Chinese characters.
_ODD_FORMS = re.compile("[\ufb00-\ufb06\uff01-\uff5e\u3000]+")


def clean_clip_text(text: str) -> str:
    """HTML un-escaped twice, quotes straightened, plain letter forms, blanks joined, lower case."""
    text = html.unescape(html.unescape(text)).translate(_QUOTES)
    text = _ODD_FORMS.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()
