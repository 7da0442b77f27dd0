"""A tiny random model on disk with the tiny text encoder it names, for tests that run commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

WORDS = ("two", "people", "bow", "shake", "hands", "wave", "hug", "the", "first", "second", "person")


@dataclass(frozen=True)
class TinyModel:
    """Options that make a command use the tiny random model."""

    bundle: Path
    encoder: Path

    @property
    def options(self) -> list[str]:
        return ["--model", str(self.bundle), "--text-encoder", str(self.encoder), "--device", "cpu"]


def save_tiny_encoder(folder: Path, dim: int = 12) -> Path:
    """A random BERT of one layer with a word vocabulary, in the files of a Hugging Face checkpoint."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: i for i, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        config = BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=dim,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=300,
        )
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


def make_tiny_model(folder: Path) -> TinyModel:
    """Write encoder and bundle into a folder."""
    from intermask_cli.models.text_encoders import load_text_encoder
    from tests.helpers.tiny import save_tiny

    encoder = save_tiny_encoder(folder / "encoder")
    loaded = load_text_encoder(str(encoder))
    described = {"id": loaded.id, "sha256": loaded.sha256, "dim": loaded.dim}
    return TinyModel(save_tiny(folder / "bundle", text_encoder=described), encoder)
