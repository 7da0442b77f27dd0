"""Results that tools write as pickles: never loaded, refused with the line of Python that converts them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from intermask_cli.errors import InputError

PICKLE_SUFFIXES = (".pkl", ".pickle", ".p", ".joblib")
#: Bytes searched for the names that show which tool wrote a pickle.
_SEARCHED = 1 << 20


@dataclass(frozen=True)
class _Tool:
    """A tool whose pickles hold all of some names, and the line that converts `{old}` to `{new}`."""

    name: str
    names: tuple[bytes, ...]
    line: str
    suffix: str = ".npz"


_TOOLS = (
    _Tool(
        "WHAM", (b"pose_world", b"trans_world"),
        "import joblib, numpy as np; d = joblib.load({old!r}); np.savez({new!r}, **{{f'person{{i}}_{{k}}': "
        "p[v] for i, p in enumerate(d.values(), 1) for k, v in (('poses', 'pose_world'), ('trans', "
        "'trans_world'), ('frame_ids', 'frame_ids'))}})",
    ),
    _Tool(
        "AIST++", (b"smpl_poses", b"smpl_trans"),
        "import pickle, numpy as np; d = pickle.load(open({old!r}, 'rb')); np.savez({new!r}, "
        "poses=d['smpl_poses'], trans=d['smpl_trans'] / d['smpl_scaling'], fps=60, up_axis='y')",
    ),
    _Tool(
        "PHALP", (b"3d_joints", b"tid"),
        "import joblib, numpy as np; f = list(joblib.load({old!r}).values()); t = f[0]['tid'][0]; g = [(x, "
        "x['tid'].index(t)) for x in f if t in x['tid']]; np.savez({new!r}, global_orient=[x['smpl'][i]["
        "'global_orient'] for x, i in g], body_pose=[x['smpl'][i]['body_pose'] for x, i in g], "
        "transl=[x['camera'][i] for x, i in g], frame_ids=[k for k, x in enumerate(f) if t in x['tid']], "
        "up_axis='-y')",
    ),
    _Tool(
        "TRAM", (b"pred_rotmat", b"pred_trans"),
        "import numpy as np; d = np.load({old!r}, allow_pickle=True).item(); np.savez({new!r}, "
        "poses=np.asarray(d['pred_rotmat']), trans=np.asarray(d['pred_trans']), up_axis='-y')",
    ),
    _Tool(
        "MDM", (b"motion", b"lengths", b"num_samples"),
        "import numpy as np; d = np.load({old!r}, allow_pickle=True).item(); np.savez({new!r}, "
        "joints=d['motion'], fps=20)",
    ),
)  # fmt: skip
_FLATTEN = (
    "f = lambda d, p='': {{q: w for k, v in d.items() for q, w in (f(v, f'{{p}}{{k}}_') "
    "if isinstance(v, dict) else {{f'{{p}}{{k}}': v}}).items()}}; np.savez({new!r}, **f(d))"
)
_LOAD = {
    "joblib": "import joblib, numpy as np; d = joblib.load({old!r}); ",
    ".npy": "import numpy as np; d = np.load({old!r}, allow_pickle=True).item(); ",
    ".npz": "import numpy as np; d = dict(np.load({old!r}, allow_pickle=True)); ",
    "pickle": "import pickle, numpy as np; d = pickle.load(open({old!r}, 'rb')); ",
}


def pickle_refused(path: Path) -> InputError:
    """The error for a file of pickled objects, with the line that turns it into an .npz."""
    with path.open("rb") as stream:
        head = stream.read(_SEARCHED)
    tool = next((tool for tool in _TOOLS if all(name in head for name in tool.names)), None)
    how = path.suffix.lower() if path.suffix.lower() in _LOAD else "joblib" if b"joblib" in head else "pickle"
    line = tool.line if tool else _LOAD[how] + _FLATTEN
    new = path.with_name(f"{path.stem}_arrays.npz")
    return InputError(
        f"a pickle{f' of {tool.name}' if tool else ''}, which is never loaded, since loading one runs code "
        f"in it; if you trust the file, this line of Python writes {new.name}, which is read: "
        + line.format(old=str(path), new=str(new))
    )
