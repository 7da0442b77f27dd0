"""A Hugging Face dataset folder: Parquet files and a card, which `datasets.load_dataset(FOLDER)` reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from intermask_cli.datasets.dataset_folder import FolderWritten, write_complete_folder
from intermask_cli.datasets.split_table import SPLITS
from intermask_cli.export.tables.parquet import packages, write_files
from intermask_cli.export.tables.rows import Rows
from intermask_cli.files import write_text

#: Upper ends of the hub's size categories.
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
#: Licences of models by the hub's names for them.
_LICENCES = {"MIT": "mit", "CC-BY-4.0": "cc-by-4.0", "CC-BY-NC-4.0": "cc-by-nc-4.0", "CC0-1.0": "cc0-1.0"}


def write_hugging_face(rows: Rows, root: Path) -> FolderWritten:
    """Write `data/*.parquet` and `README.md` into a new folder. Raises as `write_parquet`."""
    packages()
    with write_complete_folder(root) as draft:
        written = write_files(rows, draft)
        write_text(draft / "README.md", _card(rows, written))
    return written


def _card(rows: Rows, written: FolderWritten) -> str:
    """The card: what the hub reads, then what people read."""
    licence = str(rows.attributes.get("licence", ""))
    size = next((name for limit, name in _SIZES if written.count < limit), "n>1M")
    splits = [
        {"split": "validation" if name == "val" else name, "path": f"data/{name}-*.parquet"}
        for name in SPLITS
        if written.splits[name]
    ]
    front: dict[str, Any] = {
        "license": _LICENCES.get(licence, "other"),
        **({} if licence in _LICENCES else {"license_name": licence or "unknown"}),
        "tags": ["motion", "human-motion", "two-person-interaction", "synthetic"],
        "size_categories": [size],
        "configs": [{"config_name": "default", "data_files": splits}],
    }
    about = {
        "model": rows.attributes.get("model_id", "unknown"),
        "licence of the model": licence or "unknown",
        "training data of the model": rows.attributes.get("training_data", "see the model's card"),
        "made by": f"intermask {dict(rows.attributes.get('versions') or {}).get('intermask', '')}".strip(),
        "created": rows.attributes.get("created", "unknown"),
    }
    lines = [
        "# Two-person interactions",
        "",
        f"{written.count:,} generated interactions: text and 3D motion of two persons.",
        "",
        *(f"* {name}: {value}" for name, value in about.items()),
        "",
        "`joints` of a row is a list of frames of 2 x 22 x 3 numbers (2 x 55 x 3 of Inter-X models),",
        "person 1 first: metres, Y up, 30 frames per second.",
        "",
        "```python",
        "from datasets import load_dataset",
        "import numpy as np",
        "",
        'rows = load_dataset("THIS FOLDER", split="train").with_format("numpy")',
        'joints = np.stack(rows[0]["joints"]).reshape(-1, 2, 22, 3)  # (frames, persons, joints, xyz)',
        "```",
    ]
    return f"---\n{yaml.safe_dump(front, sort_keys=False)}---\n\n" + "\n".join(lines) + "\n"
