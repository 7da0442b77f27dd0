"""Records what the program does, so that a refactoring can be shown to change no result.

    python benchmarks/fingerprint.py --out before.txt
    ... move files, rename functions ...
    python benchmarks/fingerprint.py --against before.txt

A fixed set of commands is run, and every array and figure they produce becomes one line: a label, a short
SHA-256 of its content and, for a number, the number. Equal output on the same machine means equal results.
`--against` prints the lines that differ and exits with 1 if there are any.

The script uses the command line (`python -m intermask_cli`) and the public API (`import intermask_cli as
im`), both in processes of their own, and reads files with h5py, NumPy, safetensors, json and csv. It imports
no inner module, so it also runs on a tree whose modules have moved: start this file with that tree's Python.
The processes are forked from one that has imported torch and other libraries, which saves half the time.
Arrays are compared by dtype, shape and bytes. Left out is what may change while results do not: dates,
versions, paths, timings, wording, the hashes of bundles and code, and the text of a bundle's config.json
(its weights are compared).

Sections (`--only NAME ...`):

========  ==================================================================================================
generate  prompt files, lengths, samples, seeds, settings, phases, --clean modes, bf16, shards and merge
react     partners for a capture and for generated motion, either role, with and without a prompt
api       generate, react, extend, in-between, edit and reconstruct of a loaded model
imported  published checkpoints and evaluators as bundles; a text encoder made here stands in for CLIP
export    every format, of a run and of a reaction, with and without clean-up
evaluate  a run, the bundled model, reactions, corrupted motion, two reports compared
data      the procedural corpus, lists of pairs, checks of dataset trees
train     every stage for a few steps, from a corpus, captures and a tree; resuming; bundling and sampling
info      what `info` says of a run, an export and the bundled models; the schema of a run
usage     exit codes of wrong usage
========  ==================================================================================================

Real motion capture and published checkpoints are used where a folder `shared/` lies above the tree (or at
`--shared`); otherwise generated motion takes the capture's place and `imported` is skipped. Everything runs
on the CPU with one thread. A command that fails becomes a line `LABEL failed: EXIT CODE`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import re
import runpy
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYTHONHASHSEED": "0",
}
#: What most commands import, none of it ours: imported once, so that a command takes only its own time.
PRELOADED = (
    "accelerate", "h5py", "matplotlib", "pandas", "safetensors.torch", "scipy.signal", "tokenizers", "torch",
    "transformers.models.auto.modeling_auto", "transformers.models.auto.tokenization_auto",
    "transformers.models.bert.modeling_bert", "transformers.models.bert.tokenization_bert", "typer", "yaml",
)  # fmt: skip
#: Keys whose values may change while results do not.
VOLATILE = {
    "about", "bundle", "bundle_sha256", "bytes", "command_line", "created", "ended", "evaluator_sha256",
    "file", "files", "fingerprint", "folder", "format_version", "generator", "host", "intermask", "megabytes",
    "minutes", "model_sha256", "path", "process", "provenance", "python", "root", "sha256", "source",
    "started", "torch", "threads", "version", "versions",
}  # fmt: skip
ARRAYS = ("joints", "rotations6d", "tokens", "features")

MIXED_PROMPTS = """\
id,text,seconds,samples,seed,tags
bow,the second person bows deeply to the first person,2,2,,polite
hug,two friends give each other a tight hug,3.5,1,11,warm
phases,two people walk up to each other | they shake hands,4,1,,two
long,the two people hold both hands and dance round in a circle,12,1,5,window
bad,a line with an impossible length,-1,1,,
bow,two people bow to each other,1,1,,again
"""
TINY_TRANSFORMER = """\
transformer: {codebook_size: 16, code_dim: 6, latent_dim: 16, heads: 2, layers: 1, ff_dim: 24, dropout: 0.1,
              text_dim: 384, text_head: pooled, text_width: 16, text_layers: 1, text_heads: 2, text_ff: 24,
              person_embedding: true%s}
"""
TINY_RECIPE = """\
tokenizer: {stem: conv, width: 8, code_dim: 6, codebook_size: 16, dropout: 0.1}
tokenizer_loss: {kind: metric}
tokenizer_training: {batch_size: 4, steps: 5, window: 32, plain_steps: 2, gumbel: 0.3, validate_clips: 2}
refine_loss: {kind: metric}
refine_training: {batch_size: 4, steps: 3, window: 32, gumbel: 0.0, validate_clips: 2}
text_pretraining: {steps: 2, batch_size: 4}
transformer_training: {batch_size: 4, steps: 3, step_unroll: 0.5, validate_clips: 2, ema: 0.9}
pair_decoder: {width: 8, blocks: 1}
pair_decoder_training: {batch_size: 4, steps: 2, window: 32, clips: 8, fill_steps: 2, validate_clips: 2,
                        lr: 0.1, warmup_steps: 1}
sampling: {guidance: 2.5, steps: 3}
"""
PUBLISHED_RECIPE = """\
tokenizer: {stem: graph, width: 8, code_dim: 6, codebook_size: 16}
transformer: {codebook_size: 16, code_dim: 6}
tokenizer_loss: {kind: published}
tokenizer_training: {published: true, batch_size: 4, steps: 3, window: 32, validate_clips: 2}
"""
EVALUATOR_RECIPE = """\
network: {width: 16, layers: 1, heads: 2, ff: 24, text_dim: 384, text_layers: 1, out_dim: 8, dropout: 0.1}
training: {batch_size: 6, captions: 3, clips: 12, steps: 3, lr: 3.0e-3, warmup_epochs: 0.0, log_steps: 2,
           validate_clips: 4, label_weight: 0.3, text_steps: 2}
"""


# ---------------------------------------------------------------- lines


def digest(*parts: bytes) -> str:
    """The first 16 hex digits of SHA-256 over the parts, each with its length."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:16]


def array_bytes(array: np.ndarray) -> tuple[bytes, bytes]:
    """dtype with shape, and content, of a numeric or text array."""
    array = np.ascontiguousarray(array)
    return f"{array.dtype.str} {array.shape}".encode(), array.tobytes()


class Record:
    """The lines of one section, in the order they were added."""

    def __init__(self, section: str):
        self.section = section
        self.lines: list[str] = []

    def _add(self, label: str, text: str) -> None:
        self.lines.append(f"{self.section}/{label} {text}".replace("\n", " "))

    def array(self, label: str, array: np.ndarray) -> None:
        """One array by dtype, shape and bytes."""
        self._add(label, digest(*array_bytes(array)))

    def arrays(self, label: str, arrays: dict[str, np.ndarray]) -> None:
        """Many arrays as one line: names, dtypes, shapes and bytes."""
        named = ([name.encode(), *array_bytes(arrays[name])] for name in sorted(arrays))
        self._add(label, digest(*(part for parts in named for part in parts)))

    def value(self, label: str, value: Any) -> None:
        """Anything JSON can hold, keys sorted; a number is also printed."""
        hashed = digest(json.dumps(value, sort_keys=True, default=plain).encode())
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        self._add(label, f"{hashed} {value!r}" if is_number else hashed)

    def values(self, label: str, values: Any, prose: bool = True) -> None:
        """A nested JSON value, one line per leaf, without volatile keys; `prose` False skips texts too."""
        if isinstance(values, dict):
            for key in sorted(values.keys() - VOLATILE):
                self.values(f"{label}/{key}".replace(" ", "_"), values[key], prose)
        elif isinstance(values, list) and any(isinstance(item, dict) for item in values):
            for number, item in enumerate(values):
                self.values(f"{label}/{number}", item, prose)
        elif prose or not isinstance(values, str):
            self.value(label, values)

    def exit_code(self, label: str, code: int) -> None:
        """The exit code alone."""
        self._add(label, f"exit {code}")

    def failed(self, label: str, why: int | str) -> None:
        """A command or a step that did not end as it should."""
        self._add(label, f"failed: {why}")


def plain(value: Any) -> Any:
    """An HDF5 attribute or a NumPy value as JSON holds it; JSON texts are parsed, so key order is nothing."""
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return value


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- commands


def preload() -> None:
    """Import what can be imported of the libraries, before any process is forked."""
    for name in PRELOADED:
        with suppress(ImportError):
            import_module(name)


def run_module(words: list[str]) -> int:
    """`python -m intermask_cli WORDS` in this process -> its exit code."""
    sys.argv = ["intermask", *words]
    runpy.run_module("intermask_cli", run_name="__main__", alter_sys=True)
    return 0


def in_child(work: Callable[[], int], folder: Path) -> tuple[int, str, str]:
    """`work` in a forked process and folder: (exit code, standard output, standard error)."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        child = os.fork()
        if child == 0:
            os.chdir(folder)
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os._exit(_finished(work))
        _, status = os.waitpid(child, 0)
        outputs = []
        for stream in (out, err):
            stream.seek(0)
            outputs.append(stream.read())
    return os.waitstatus_to_exitcode(status), outputs[0], outputs[1]


def _finished(work: Callable[[], int]) -> int:
    """The exit code of `work`, as the interpreter would give it."""
    code: Any = 1
    try:
        code = work()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


class Bench:
    """A work folder in which commands run with relative paths, and what several sections need from it."""

    def __init__(self, work: Path, shared: Path | None):
        import intermask_cli  # the package itself imports nothing heavy

        self.root = Path(str(intermask_cli.__file__)).resolve().parents[1]
        self.work, self.shared = work, shared
        sys.path.insert(0, str(self.root))  # commands run in the work folder

    def run(self, *words: object) -> tuple[int, str]:
        """`intermask WORDS` in the work folder: (exit code, standard output)."""
        started = time.monotonic()
        code, out, err = in_child(lambda: run_module([str(word) for word in words]), self.work)
        shown = " ".join(map(str, words))
        progress(f"   {time.monotonic() - started:5.1f} s  exit {code}  {shown[:120]}")
        if code not in (0, 3) and err:
            progress("            " + err.strip().splitlines()[-1][:300])
        return code, out

    def apart(self, record: Record, label: str, work: Callable[[Record], None]) -> None:
        """What `work` records, done in a process of its own."""

        def child() -> int:
            own = Record(record.section)
            work(own)
            print("\n".join(own.lines))
            return 0

        code, out, err = in_child(child, self.work)
        record.lines += out.splitlines() if code == 0 else []
        if code:
            progress(f"   {label}: {err.strip()[-1500:]}")
            record.failed(label, code)

    def step(self, record: Record, label: str, *words: object, expected: int = 0) -> str | None:
        """`run`; another exit code than the expected one becomes a line, and None is returned."""
        code, out = self.run(*words)
        if code != expected:
            record.failed(label, code)
            return None
        return out

    def generated(self, record: Record, name: str, *words: object, expected: int = 0) -> None:
        """A run under its name, all of it recorded."""
        if self.step(record, name, *words, "--out", name, *CPU, expected=expected) is not None:
            record_run(record, name, self.work / name)

    def file(self, name: str, text: str) -> str:
        """A text file in the work folder."""
        (self.work / name).write_text(text, encoding="utf-8")
        return name

    def ready(self, name: str, *words: object) -> str:
        """A folder or file that other steps start from, made by a command once."""
        if not (self.work / name).exists():
            code, _ = self.run(*words)
            if code:
                raise RuntimeError(f"exit code {code} of the command that makes {name}")
        return name

    # What more than one section needs.

    def demo_run(self) -> str:
        """The prompts of `make demo`, three seconds each."""
        prompts = self.root / "prompts" / "demo.txt"
        return self.ready("demo", "generate", prompts, "--seconds", 3, "--out", "demo", *CPU)

    def npz_files(self) -> str:
        """The demo run as NPZ files."""
        return self.ready("demo-npz", "export", self.demo_run(), "--to", "npz", "--out", "demo-npz")

    def capture(self) -> str:
        """Six seconds of two real people in one NPZ; generated motion where there is no capture."""
        target = self.work / "capture.npz"
        if not target.exists():
            trials = sorted(self.shared.glob("data/cmu-duets/trials/*.npz")) if self.shared else []
            if trials:
                with np.load(trials[0]) as trial:
                    joints, fps = trial["positions"][:, 300:480], trial["fps"]
            else:
                files = [f"{self.npz_files()}/demo-7-s0_person{person}.npz" for person in (1, 2)]
                joints, fps = np.stack([np.load(self.work / file)["joints"] for file in files]), 30.0
            np.savez(target, positions=joints, fps=fps)
        return target.name

    def corpus(self) -> str:
        """Sixty clips of the core kinds, enough for every split."""
        words = ("data", "duets", "--out", "corpus", "--clips", 60, "--seed", 7, "--kinds", "core")
        return self.ready("corpus", *words)

    def pairs_tree(self) -> str:
        """The demo run as an InterHuman tree with every split."""
        return self.ready("pairs", "data", "pairs", self.pairs_list(), "--out", "pairs")

    def pairs_list(self) -> str:
        """The table of pairs."""
        folder, rows = self.npz_files(), ["id,text,person1,person2,split"]
        for number, split in zip(range(2, 10), ["train"] * 4 + ["val"] * 2 + ["test"] * 2, strict=True):
            files = [f"{folder}/demo-{number}-s0_person{person}.npz" for person in (1, 2)]
            rows.append(
                f"pair{number},two people meet {number} times|they meet,{files[0]},{files[1]},{split}"
            )
        return self.file("pairs.csv", "\n".join(rows) + "\n")


TEXTS = ("two people bow to each other", "one person pushes the other | they hug")
CPU = ("--device", "cpu")
#: Cheaper sampling where the settings are not the point.
QUICK = ("--steps", 2)


# ---------------------------------------------------------------- readers


def record_run(record: Record, label: str, folder: Path) -> None:
    """A run directory: dataset, index, clean-up effects, rejected lines, counts."""
    record.value(f"{label}/files", sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")))
    record_dataset(record, label, folder / "interactions.h5")
    record_csv(record, f"{label}/index.csv", folder / "index.csv")
    for name, keys in (("cleaning.jsonl", ("id", "before", "after")), ("rejected.jsonl", ("id", "line"))):
        if (folder / name).is_file():
            rows = [json.loads(line) for line in (folder / name).read_text().splitlines()]
            record.value(f"{label}/{name}", [{key: row.get(key) for key in keys} for row in rows])
    manifest = json.loads((folder / "manifest.json").read_text())
    for key in ("command", "status", "counts"):
        record.values(f"{label}/manifest/{key}", manifest[key])


def record_dataset(record: Record, label: str, path: Path) -> None:
    """interactions.h5: attributes, columns, and every item's arrays and attributes."""
    with h5py.File(path) as file:
        record.values(f"{label}/attribute", {key: plain(value) for key, value in file.attrs.items()})
        for name in sorted(file["index"]):
            record.value(f"{label}/column/{name}", column(file["index"][name]))
        for id in column(file["index/id"]):
            item = file[f"interactions/{id}"]
            record.value(f"{label}/{id}/attributes", {key: plain(value) for key, value in item.attrs.items()})
            for name in sorted(item):
                record.array(f"{label}/{id}/{name}", item[name][...])


def column(dataset: h5py.Dataset) -> list[Any]:
    """An index column as plain values."""
    return list(dataset.asstr()[...]) if h5py.check_string_dtype(dataset.dtype) else dataset[...].tolist()


def record_csv(record: Record, label: str, path: Path) -> None:
    """A table: its header, and each column but the volatile ones."""
    with path.open(newline="", encoding="utf-8") as stream:
        header, *rows = list(csv.reader(stream))
    record.value(f"{label}/header", header)
    for number, name in enumerate(header):
        if name not in VOLATILE:
            record.value(f"{label}/{name}", [row[number] for row in rows])


def record_tree(record: Record, label: str, folder: Path) -> None:
    """Every file below a folder, each by its kind; hidden files are left out."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
            READERS.get(path.suffix, record_bytes)(record, f"{label}/{name}", path)


def record_bytes(record: Record, label: str, path: Path) -> None:
    record.value(label, digest(path.read_bytes()))


def record_npy(record: Record, label: str, path: Path) -> None:
    record.array(label, np.load(path, allow_pickle=False))


def record_npz(record: Record, label: str, path: Path) -> None:
    with np.load(path, allow_pickle=False) as arrays:
        for name in sorted(arrays.files):
            record.array(f"{label}/{name}", arrays[name])


def record_h5(record: Record, label: str, path: Path) -> None:
    """Any HDF5 file: datasets and attributes."""
    with h5py.File(path) as file:
        record.values(f"{label}/attribute", {key: plain(value) for key, value in file.attrs.items()})
        for name in h5_datasets(file):
            record.array(f"{label}/{name}", file[name][...])


def h5_datasets(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return sorted(found)


def record_bvh(record: Record, label: str, path: Path) -> None:
    """Hierarchy as words and numbers, motion as numbers."""
    hierarchy, motion = (
        [as_number(word) for word in part.split()] for part in path.read_text().split("MOTION")
    )
    record.value(f"{label}/hierarchy", hierarchy)
    record.array(f"{label}/motion", np.array([word for word in motion if isinstance(word, float)]))


def as_number(word: str) -> float | str:
    """A word of a BVH file: a number if it is one."""
    return float(word) if re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?", word) else word


def record_glb(record: Record, label: str, path: Path) -> None:
    """Both chunks; the asset section, which names generator and version, is left out."""
    data, start = path.read_bytes(), 12
    while start < len(data):
        length, kind = struct.unpack_from("<I4s", data, start)
        chunk = data[start + 8 : start + 8 + length]
        start += 8 + length
        if kind == b"JSON":
            scene = json.loads(chunk)
            scene.pop("asset", None)
            record.value(f"{label}/scene", scene)
        else:
            record.value(f"{label}/binary", digest(chunk))


def record_weights(record: Record, label: str, folder: Path) -> None:
    """Every safetensors file below a folder by its tensors, and normaliser statistics; no caches."""
    from safetensors.numpy import load_file

    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if "cache" in name.parts:
            continue
        if path.suffix == ".safetensors":
            record.arrays(f"{label}/{name.as_posix()}", load_file(path))
        elif path.suffix == ".npz":
            record_npz(record, f"{label}/{name.as_posix()}", path)


def record_json_file(record: Record, label: str, path: Path) -> None:
    record.values(label, json.loads(path.read_text()))


READERS: dict[str, Callable[[Record, str, Path], None]] = {
    ".npy": record_npy,
    ".npz": record_npz,
    ".h5": record_h5,
    ".bvh": record_bvh,
    ".glb": record_glb,
    ".json": record_json_file,
}


# ---------------------------------------------------------------- sections


def generate(bench: Bench, record: Record) -> None:
    """Prompt files to runs."""
    record_run(record, "demo", bench.work / bench.demo_run())
    mixed = bench.file("mixed.csv", MIXED_PROMPTS)
    few = bench.file("few.txt", "# two prompts\ntwo people bow\n\none kicks | the other steps back\n")
    lines = bench.file("lines.jsonl", '{"text": "two people wave", "frames": 43, "note": "carried"}\n')
    bench.generated(record, "mixed", "generate", mixed, "--seed", 3, expected=3)
    settings = ("--guidance", 3.5, "--steps", 6, "--temperature", 0.7, "--filter", 0.8, "--draw", "gumbel")
    bench.generated(record, "settings", "generate", few, lines, "--seconds", 2, "--samples", 2, *settings)
    bench.generated(record, "plain", "generate", few, "--frames", 50, "--guidance", 1, "--batch-size", 1)
    bench.generated(record, "bf16", "generate", few, "--seconds", 2, "--dtype", "bf16")
    for modes in (("smooth", "contact", "meet"), ("feet",), ("published",)):
        words = [word for mode in modes for word in ("--clean", mode)]
        name = "clean-" + "-".join(modes)
        bench.generated(record, name, "generate", few, "--seconds", 2, *QUICK, *words)
    _shards(bench, record, few)
    out = bench.step(record, "dry-run", "generate", mixed, "--dry-run", "--json", expected=3)
    if out is not None:
        measured = ("cost", "estimated_bytes", "estimated_disk_bytes")
        values = {name: value for name, value in json.loads(out).items() if name not in measured}
        record.values("dry-run", values, prose=False)


def _shards(bench: Bench, record: Record, prompts: str) -> None:
    """Two shards apart, put together; and the order of lines, which must not matter."""
    words = ("generate", prompts, "--samples", 5, "--frames", 24, *QUICK, *CPU)
    for part in (1, 2):
        bench.step(record, f"shard{part}", *words, "--shard", f"{part}/2", "--out", f"shard{part}")
    if bench.step(record, "merged", "merge", "shard1", "shard2", "--out", "merged") is not None:
        record_run(record, "merged", bench.work / "merged")


def react(bench: Bench, record: Record) -> None:
    """A partner for someone given."""
    capture, prompt = bench.capture(), ("--prompt", "two people dance salsa")
    bench.generated(record, "first", "react", "-i", capture, "--person", 1, *prompt)
    bench.generated(record, "second", "react", "-i", capture, "--person", 2, "--as", 2, "--samples", 2)
    files = sorted(path.name for path in (bench.work / bench.npz_files()).glob("demo-[23]-*_person1.npz"))
    inputs = [word for name in files for word in ("-i", f"demo-npz/{name}")]
    prompts = bench.file("reactions.txt", "the second person bows\nthey walk | they hug\n")
    bench.generated(record, "many", "react", *inputs, "--prompts", prompts, *QUICK, "--clean", "contact")
    bench.generated(record, "stored", "react", "-i", f"{bench.demo_run()}/interactions.h5#demo-7-s0",
                    "--person", 2, "--as", 2, *prompt, "--seed", 9)  # fmt: skip
    _react_to_bvh(bench, record)


def _react_to_bvh(bench: Bench, record: Record) -> None:
    """A BVH file as captured, 60 frames per second in a unit of its own; else one of our exports."""
    found = sorted(bench.shared.glob("data/cmu-duets/source/*.bvh")) if bench.shared else []
    if found:
        shutil.copy(found[0], bench.work / "given.bvh")
        reading = ("--units", 1.3333, "--fps", 60)
    else:
        bench.ready("demo-bvh", "export", bench.demo_run(), "--to", "bvh", "--out", "demo-bvh")
        shutil.copy(bench.work / "demo-bvh" / "demo-7-s0_person1.bvh", bench.work / "given.bvh")
        reading = ("--units", "cm", "--fps", 30)
    bench.generated(record, "bvh", "react", "-i", "given.bvh", *reading, *QUICK)


def api(bench: Bench, record: Record) -> None:
    """A loaded model."""
    bench.apart(record, "from-text", _api_from_text)
    bench.apart(record, "from-motion", _api_from_motion)


def _api_from_text(record: Record) -> None:
    import intermask_cli as im

    model = im.load_model("duet-mini")
    record_all(record, "generate", model.generate(TEXTS, frames=[64, 90], seeds=[5, 6]))
    record_all(record, "default", model.generate(["two people wave"], seed=2))
    record_all(record, "long", model.generate(["two people dance in a circle"], frames=340, seed=3))
    settings = im.SamplingConfig(steps=3, guidance=1.5, draw="gumbel", temperature=0.8, filter=0.8)
    record_all(record, "settings", model.generate(TEXTS, frames=48, seed=1, sampling=settings))
    half = im.load_model("duet-mini", dtype="bf16")
    record_all(record, "bf16", half.generate(TEXTS[:1], frames=64, seed=5))


def _api_from_motion(record: Record) -> None:
    import intermask_cli as im

    model = im.load_model("duet-mini")
    first, second = model.generate(TEXTS, frames=[64, 90], seeds=[5, 6])
    given, turned = first.joints, first.rotations6d
    record_all(record, "react", model.react(given[0], ["they shake hands", ""], person=0, seed=4))
    record_all(record, "react-turned", model.react(given[1], [""], person=1, rotations6d=turned[1], seed=4))
    motions = [(given[0], turned[0]), (second.joints[1][:37], None)]
    record_all(record, "react-each", model.react_each(motions, ["they bow", "a | b"], persons=[0, 1], seed=7))
    record_all(record, "extend", [model.extend(first, "they shake hands", frames=60, seed=8)])
    between = getattr(model, "in_between", None) or model.inbetween
    record_all(record, "between", between(given, ["they hug", "they part"], first=16, last=16, seed=9))
    record_all(record, "open-end", between(given, ["they hug"], first=20, last=0, rotations6d=turned, seed=9))
    edited = {"persons": [1], "rows": [0, 2], "start": 13, "stop": 50, "rotations6d": turned}
    record_all(record, "edit", model.edit(given, ["wave"], seed=3, **edited))
    record_all(record, "edit-all", model.edit(given, ["they fight"], seed=3))
    record_all(record, "reconstruct", [model.reconstruct(given[:, :61], turned[:, :61])])


def record_all(record: Record, label: str, made: Sequence[Any]) -> Sequence[Any]:
    """The arrays of interactions -> the interactions."""
    for number, interaction in enumerate(made):
        for name in ARRAYS:
            if (array := getattr(interaction, name, None)) is not None:
                record.array(f"{label}/{number}/{name}", array)
    return made


class WordStates:
    """A text encoder without weights: a random state per word, the same wherever the word is met."""

    def __init__(self, id: str, dim: int):
        self.id, self.sha256, self.dim = id, "0" * 64, dim

    def _state(self, word: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:7], "big")
        return np.random.default_rng(seed).normal(size=self.dim).astype(np.float32)

    def encode(self, texts: Sequence[str]) -> SimpleNamespace:
        """States (B, L, dim), mask (B, L) and the position of the end token (B,)."""
        import torch

        rows = [[*text.split(), "<end>"] for text in texts]
        states = np.zeros((len(rows), max(map(len, rows)), self.dim), np.float32)
        mask = np.zeros(states.shape[:2], bool)
        for number, words in enumerate(rows):
            states[number, : len(words)] = [self._state(word) for word in words]
            mask[number, : len(words)] = True
        end = torch.tensor([len(words) - 1 for words in rows])
        return SimpleNamespace(states=torch.from_numpy(states), mask=torch.from_numpy(mask), end=end)


def imported(bench: Bench, record: Record) -> None:
    """Published files as bundles, and what these make."""
    parity = bench.shared / "parity" if bench.shared else Path("parity")
    if not parity.is_dir():
        progress("   skipped: no published checkpoints here")
        return
    stats = ("--stats-npz", parity / "evaluation" / "normalization_stats.npz")
    for name, extra in (("interhuman", stats), ("interx", ())):
        folder = parity / "model" / "checkpoints" / name / "trans_reduced"
        if (
            bench.step(record, name, "import-checkpoint", folder, "--out", f"bundle-{name}", *extra)
            is not None
        ):
            record_weights(record, name, bench.work / f"bundle-{name}")
            bench.apart(record, f"{name}-motion", partial(_imported_motion, bench, name))
    for file in _released_evaluators(parity / "evaluation", bench.work):
        if (
            bench.step(record, file.name, "import-checkpoint", file, "--out", f"{file.stem}-bundle")
            is not None
        ):
            record_weights(record, file.name, bench.work / f"{file.stem}-bundle")


def _imported_motion(bench: Bench, name: str, record: Record) -> None:
    import intermask_cli as im

    folder = bench.work / f"bundle-{name}"
    encoder = json.loads((folder / "config.json").read_text())["text_encoder"]
    model = im.load_model(folder, text_encoder=WordStates(encoder["id"], encoder["dim"]))
    texts = ["two people bow", "one person pushes the other away"]
    record_all(record, f"{name}/generate", model.generate(texts, frames=[40, 64], seed=1))
    if name == "interhuman":
        # Random weights make no bodies; the bundled model does.
        pair = im.load_model("duet-mini").generate(texts[:1], frames=40, seed=3)[0]
        record_all(record, f"{name}/react", model.react(pair.joints[0], texts, seed=2))
        record_all(record, f"{name}/reconstruct", [model.reconstruct(pair.joints)])


def _released_evaluators(folder: Path, work: Path) -> Iterator[Path]:
    """Reduced evaluators packed as their authors release them."""
    import torch
    from safetensors.torch import load_file

    clip = load_file(folder / "interclip_reduced.safetensors")
    torch.save({"state_dict": clip}, work / "interclip.ckpt")
    yield work / "interclip.ckpt"
    parts: dict[str, dict[str, Any]] = {}
    for name, tensor in load_file(folder / "interx_evaluator_reduced.safetensors").items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = tensor
    torch.save(parts, work / "finest.tar")
    yield work / "finest.tar"


def export(bench: Bench, record: Record) -> None:
    """Every format."""
    demo = bench.demo_run()
    for target in ("bvh", "glb", "npz", "npy", "interhuman", "interx"):
        _exported(bench, record, target, demo, target, *(() if "inter" in target else ("--limit", 3)))
    cleaned = ("--clean", "smooth", "--clean", "contact", "--clean", "meet", "--id", "demo-2-s0")
    _exported(bench, record, "bvh-cleaned", demo, "bvh", *cleaned)
    _exported(bench, record, "npz-published", demo, "npz", "--clean", "published", "--id", "demo-5-s0")
    words = ("react", "-i", bench.capture(), "--person", 1, "--out", "reaction", *CPU)
    reaction = bench.ready("reaction", *words)
    _exported(bench, record, "reaction-bvh", reaction, "bvh", "--clean", "feet")
    _exported(bench, record, "reaction-glb", reaction, "glb")


def _exported(bench: Bench, record: Record, label: str, source: str, target: str, *words: object) -> None:
    folder = f"export-{label}"
    out = bench.step(record, label, "export", source, "--to", target, "--out", folder, "--json",
                     "--processes", 1, *words)  # fmt: skip
    if out is not None:
        summary = json.loads(out)
        record.value(f"{label}/summary", [summary[key] for key in ("written", "skipped", "failed")])
        record.value(f"{label}/errors_mm", list(summary["errors_mm"].values()))
        record.values(f"{label}/physics", summary.get("physics", {}))
        record_tree(record, label, bench.work / folder)


def evaluate(bench: Bench, record: Record) -> None:
    """Reports with their figures, not their wording."""
    cache = ("--cache", "cache", "--repeats", 1)
    few = (*cache, "--clips", 32)
    demo = bench.demo_run()
    _evaluated(bench, record, "model", "evaluate", *few, *QUICK)
    _evaluated(bench, record, "react", "evaluate", "--task", "react", *cache, "--clips", 6, *QUICK)
    _evaluated(bench, record, "run", "evaluate", demo, "--cache", "cache", "--repeats", 2, "--clips", 32)
    _evaluated(bench, record, "tree", "evaluate", demo, "--reference", bench.pairs_tree(), *cache)
    words = ("evaluate", "--faults", *cache, "--clips", 12, "--json")
    if (out := bench.step(record, "faults", *words)) is not None:
        record.value("faults", list(json.loads(out).values()))
    words = ("evaluate", "--compare", "evaluated-model", "evaluated-model", "--json")
    if (out := bench.step(record, "compare", *words)) is not None:
        record.value("compare", json.loads(out))


def _evaluated(bench: Bench, record: Record, label: str, *words: object) -> None:
    folder = f"evaluated-{label}"
    out = bench.step(record, label, *words, "--out", folder, *CPU, "--json")
    if out is not None:
        report = json.loads(out)
        for part in ("protocol", "rows", "physics"):
            record.values(f"{label}/{part}", report[part], prose=False)
        record_csv(record, f"{label}/per_prompt", bench.work / folder / "per_prompt.csv")


def data(bench: Bench, record: Record) -> None:
    """Corpora, pairs and checks."""
    words = ("data", "duets", "--out", "duets", "--clips", 24, "--seed", 3)
    if bench.step(record, "duets", *words) is not None:
        record_json_file(record, "duets/corpus.json", bench.work / "duets" / "corpus.json")
        record_tree(record, "duets", bench.work / "duets" / "shards")
    record_tree(record, "core", bench.work / bench.corpus() / "shards")
    table = bench.pairs_list()
    if (
        out := bench.step(record, "pairs", "data", "pairs", table, "--out", "pairs-json", "--json")
    ) is not None:
        record.values("pairs/summary", json.loads(out))
        record_tree(record, "pairs", bench.work / "pairs-json")
    if (
        bench.step(record, "pair-file", "data", "pairs", _capture_list(bench), "--out", "pair-file")
        is not None
    ):
        record_tree(record, "pair-file", bench.work / "pair-file")
    _checks(bench, record)


def _capture_list(bench: Bench) -> str:
    """The capture, both people in one file, as a list of pairs."""
    capture = bench.capture()
    return bench.file("captures.csv", f"id,text,pair,split\nsalsa,two people dance salsa,{capture},train\n")


def _checks(bench: Bench, record: Record) -> None:
    """A whole tree, one with a missing file, and an Inter-X tree without word vectors."""
    whole = bench.pairs_tree()
    shutil.copytree(bench.work / whole, bench.work / "broken")
    next((bench.work / "broken" / "annots").glob("*.txt")).unlink()
    interx = bench.ready("interx", "export", bench.demo_run(), "--to", "interx", "--out", "interx")
    for label, kind, root in (
        ("whole", "interhuman", whole),
        ("broken", "interhuman", "broken"),
        ("interx", "interx", interx),
    ):
        code, out = bench.run("data", "check", kind, "--root", root, "--json")
        record.exit_code(f"check-{label}", code)
        if code in (0, 3):
            report = json.loads(out)
            record.value(f"check-{label}/counts", list(report["counts"].values()))
            record.value(f"check-{label}/problems", len(report["problems"]))


def train(bench: Bench, record: Record) -> None:
    """Every stage for a few steps; weights and validation figures."""
    tiny = bench.file("tiny.yaml", TINY_RECIPE + TINY_TRANSFORMER % "")
    given = ("--config", tiny, "--data", bench.corpus())
    from_tokenizer = (*given, "--tokenizer", "tokenizer")
    _trained(bench, record, "tokenizer", "tokenizer", *given)
    _trained(bench, record, "refined", "refine", *from_tokenizer, "--decoder-only")
    _trained(bench, record, "transformer", "transformer", *from_tokenizer)
    _trained(bench, record, "pair-decoder", "pair-decoder", *given, "--tokenizer", "refined", "--transformer",
             "transformer")  # fmt: skip
    _bundled(bench, record)
    _further(bench, record, from_tokenizer)
    evaluator = bench.file("tiny-evaluator.yaml", EVALUATOR_RECIPE)
    _trained(bench, record, "evaluator", "evaluator", "--config", evaluator, "--data", bench.corpus())


def _further(bench: Bench, record: Record, from_tokenizer: Sequence[object]) -> None:
    """Other sources and recipes, a start from trained weights, and a resumed training."""
    published = bench.file("published.yaml", PUBLISHED_RECIPE)
    sources = [word for folder in (bench.pairs_tree(), *_captures(bench)) for word in ("--data", folder)]
    _trained(bench, record, "published", "tokenizer", "--config", published, *sources)
    second = bench.file("second.yaml", TINY_RECIPE + TINY_TRANSFORMER % ", person_condition: true")
    words = ("--config", second, *from_tokenizer[2:], "--start-from", "transformer")
    _trained(bench, record, "second", "transformer", *words)
    if (bench.work / "tokenizer").is_dir():
        shutil.copytree(bench.work / "tokenizer", bench.work / "resumed")
        _trained(bench, record, "resumed", "tokenizer", *from_tokenizer[:4], "--resume", "--steps", 8)


def _trained(bench: Bench, record: Record, label: str, stage: str, *words: object) -> None:
    out = bench.step(record, label, "train", stage, *words, "--out", label, *CPU, "--json")
    if out is not None:
        record.values(f"{label}/report", json.loads(out), prose=False)
        record_weights(record, label, bench.work / label)


def _captures(bench: Bench) -> list[str]:
    """A folder of two short captures, if there are real ones."""
    source = bench.shared / "data" / "cmu-duets" if bench.shared else Path("cmu-duets")
    if not source.is_dir():
        return []
    header, *rows = (source / "index.csv").read_text().splitlines()
    (bench.work / "captures" / "trials").mkdir(parents=True)
    (bench.work / "captures" / "index.csv").write_text("\n".join([header, *rows[:2]]) + "\n")
    for row in rows[:2]:
        name = row.split(",")[1]
        with np.load(source / name) as trial:
            kept = {key: trial[key][:, :200] if key == "positions" else trial[key] for key in trial.files}
        np.savez(bench.work / "captures" / name, **kept)
    return ["captures"]


def _bundled(bench: Bench, record: Record) -> None:
    """Bundles of the stages, full and half precision, and what one of them makes."""
    stages = ("train", "bundle", "--tokenizer", "refined", "--transformer", "transformer")
    pair = ("--pair-decoder", "pair-decoder")
    for label, words in (("bundle", (*pair, "--fp32")), ("bundle-half", ())):
        if (out := bench.step(record, label, *stages, *words, "--out", label, "--json")) is not None:
            record.values(f"{label}/report", json.loads(out), prose=False)
            record_weights(record, label, bench.work / label)
    prompts = bench.file("bundle.txt", "two people bow\n")
    bench.generated(record, "from-bundle", "generate", prompts, "--model", "bundle", "--frames", 32)


def info(bench: Bench, record: Record) -> None:
    """What `info` says, and the schema of a run."""
    subjects = {"run": bench.demo_run(), "duet-mini": "duet-mini", "duet-eval": "duet-eval"}
    subjects["motion"] = f"{bench.npz_files()}/demo-2-s0_person1.npz"
    for label, subject in subjects.items():
        if (out := bench.step(record, label, "info", subject, "--json")) is not None:
            found = json.loads(out)
            record.values(label, found)
            record.value(f"{label}/files", sorted(found.get("files", ())))
    record_csv(record, "index.csv", bench.work / "demo" / "index.csv")
    with h5py.File(bench.work / "demo" / "interactions.h5") as file:
        record.value("schema/attributes", sorted(file.attrs))
        for name, described in sorted(schema(file).items()):
            record.value(f"schema/{name}", described)


def schema(file: h5py.File) -> dict[str, Any]:
    """Datasets with dtype, shape and filters; items under one name, since all must be alike."""
    found: dict[str, Any] = {}

    def look(name: str, item: h5py.Group | h5py.Dataset) -> None:
        name = re.sub(r"^interactions/[^/]+", "interactions/ID", name)
        facts: dict[str, Any] = {
            "attributes": {key: str(np.asarray(item.attrs[key]).dtype) for key in item.attrs}
        }
        if isinstance(item, h5py.Dataset):
            facts |= {"dtype": str(item.dtype), "shape": list(item.shape), "filter": item.compression,
                      "shuffle": item.shuffle, "chunks": str(item.chunks)}  # fmt: skip
        if facts not in found.setdefault(name, []):
            found[name].append(facts)

    file.visititems(look)
    return found


def usage(bench: Bench, record: Record) -> None:
    """Exit codes of what cannot work."""
    bench.file("good.txt", "two people bow\n")
    bench.file("empty.txt", "# nothing\n")
    bench.file("half.csv", "text,frames\ntwo people bow,20\ntwo people bow,none\n")
    bench.file("wrong.yaml", "tokenizer: {widht: 8}\n")
    bench.file("damaged.h5", "not HDF5")
    good = ("generate", "good.txt", "--out", "never")
    command = [sys.executable, "-m", "intermask_cli", "--help"]
    environment = {**os.environ, "PYTHONPATH": str(bench.root)}
    started = subprocess.run(command, cwd=bench.work, env=environment, capture_output=True)
    record.exit_code("help", started.returncode)
    for label, words in wrong_usages(good, bench.capture()):
        code, _ = bench.run(*words)
        record.exit_code(label, code)


def wrong_usages(good: Sequence[str], capture: str) -> Iterable[tuple[str, Sequence[object]]]:
    """Label and command line of each."""
    return {
        "unknown-command": ("generat",),
        "no-prompts": ("generate",),
        "missing-prompts": ("generate", "nothere.txt"),
        "empty-prompts": ("generate", "empty.txt"),
        "some-bad-lines": ("generate", "half.csv", "--dry-run"),
        "bad-lines-strict": ("generate", "half.csv", "--dry-run", "--strict"),
        "no-steps": (*good, "--steps", 0),
        "missing-model": (*good, "--model", "nothere"),
        "two-plantings": (*good, "--clean", "feet", "--clean", "contact"),
        "unknown-dtype": (*good, "--dtype", "float16"),
        "shard-out-of-range": (*good, "--shard", "5/4"),
        "react-missing-file": ("react", "-i", "nothere.npy"),
        "react-which-person": ("react", "-i", capture, "--out", "never"),
        "evaluate-missing-run": ("evaluate", "nothere"),
        "evaluate-no-root": ("evaluate", "--dataset", "interhuman"),
        "export-unknown-format": ("export", "damaged.h5", "--to", "fbq"),
        "export-damaged-file": ("export", "damaged.h5", "--to", "bvh"),
        "train-missing-recipe": ("train", "tokenizer", "--config", "no", "--data", ".", "--out", "never"),
        "train-unknown-key": (
            "train",
            "tokenizer",
            "--config",
            "wrong.yaml",
            "--data",
            ".",
            "--out",
            "never",
        ),
        "check-no-dataset": ("data", "check", "interhuman", "--root", "nothere"),
        "duets-unknown-kind": ("data", "duets", "--out", "never", "--kinds", "flying"),
        "import-nothing": ("import-checkpoint", "nothere", "--out", "never"),
        "info-nothing": ("info", "nothere"),
        "merge-nothing": ("merge", "nothere", "--out", "never"),
    }.items()


SECTIONS: dict[str, Callable[[Bench, Record], None]] = {
    "generate": generate,
    "react": react,
    "api": api,
    "imported": imported,
    "export": export,
    "evaluate": evaluate,
    "data": data,
    "train": train,
    "info": info,
    "usage": usage,
}


# ---------------------------------------------------------------- main


def run_sections(bench: Bench, chosen: Sequence[str]) -> list[str]:
    """All lines of the chosen sections; one that breaks off keeps its lines so far and says so."""
    lines: list[str] = []
    for name in chosen:
        record, started = Record(name), time.monotonic()
        progress(f"== {name}")
        try:
            SECTIONS[name](bench, record)
        except Exception as error:
            progress(f"   {type(error).__name__}: {error}")
            record.failed("section", type(error).__name__)
        progress(f"   {len(record.lines)} lines in {time.monotonic() - started:.0f} s")
        lines += record.lines
    return lines


def differences(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Lines that are only in one of them, `-` before and `+` after, by label."""
    one, two = set(before), set(after)
    found = [(line, "-") for line in one - two] + [(line, "+") for line in two - one]
    return [
        f"{sign} {line}"
        for line, sign in sorted(found, key=lambda pair: (pair[0].split()[0], pair[1] != "-"))
    ]


def shared_folder(root: Path) -> Path | None:
    """The nearest folder `shared` next to or above the tree."""
    return next((folder / "shared" for folder in root.parents if (folder / "shared").is_dir()), None)


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="fingerprint", description=str(__doc__).splitlines()[0])
    parser.add_argument("--work", type=Path, help="empty folder for all files; default: a temporary one")
    parser.add_argument("--out", type=Path, help="file for the lines; default: standard output")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), metavar="SECTION", help="some sections")
    parser.add_argument("--against", type=Path, help="an earlier output; print what differs")
    parser.add_argument(
        "--shared", type=Path, help="folder with data/ and parity/; default: one above the tree"
    )
    options = parser.parse_args(arguments)
    if options.work and options.work.exists() and any(options.work.iterdir()):
        parser.error(f"{options.work} is not empty; results of earlier runs would be taken for new ones")
    if options.against and not options.against.is_file():
        parser.error(f"{options.against}: no such file")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    os.environ.update(ENVIRONMENT)  # before torch is imported
    preload()
    chosen, started = options.only or list(SECTIONS), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fingerprint-") as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(work, None)
        bench.shared = options.shared.resolve() if options.shared else shared_folder(bench.root)
        lines = run_sections(bench, chosen)
    progress(f"{len(lines)} lines in {time.monotonic() - started:.0f} s")
    if options.out:
        options.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if options.against:
        before = options.against.read_text(encoding="utf-8").splitlines()
        found = differences([line for line in before if line.split("/")[0] in chosen], lines)
        print("\n".join(found) if found else "no difference")
        return 1 if found else 0
    if not options.out:
        print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
