"""Folders that tests read from."""

from __future__ import annotations

from pathlib import Path

#: The checkout.
ROOT = Path(__file__).resolve().parents[2]
#: Real captures and golden data next to the checkout; a test that needs them skips where they are absent.
SHARED = ROOT.parent / "shared"
CMU_DUETS = SHARED / "data" / "cmu-duets"
CMU_WALKS = SHARED / "data" / "cmu-walks"
