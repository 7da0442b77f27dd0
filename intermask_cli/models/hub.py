"""Files of a Hugging Face hub repository: from the local cache, else downloaded if the hub answers.

On an offline machine this fails at once; without the check the hub client retries for half a minute.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from intermask_cli.errors import MissingError

HUB_HOST = "huggingface.co"
#: Time-out of the connection that shows whether the hub can be reached.
PROBE_SECONDS = 3.0


def hub_answers() -> bool:
    """Whether to try a download: HF_HUB_OFFLINE is unset, and a proxy is set or the hub can be reached."""
    if os.environ.get("HF_HUB_OFFLINE", "0").lower() not in ("", "0", "false", "no"):
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "HF_ENDPOINT")):
        return True
    try:
        socket.create_connection((HUB_HOST, 443), timeout=PROBE_SECONDS).close()
    except OSError:
        return False
    return True


def hub_folder(repository: str, files: Sequence[str], complete: Callable[[Path], bool], remedy: str) -> Path:
    """Folder with the repository's `files` (patterns): a cached one that is `complete`, else downloaded.

    Raises MissingError, ending with `remedy`, when they are neither cached nor can be downloaded.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        cached = Path(snapshot_download(repository, allow_patterns=list(files), local_files_only=True))
        if complete(cached):
            return cached
    except HFValidationError as error:
        raise MissingError(f"'{repository}' is neither a folder nor a hub id; {remedy}") from error
    except LocalEntryNotFoundError:
        pass
    if not hub_answers():
        raise MissingError(
            f"'{repository}' is neither a folder nor in the local hub cache, and the hub cannot be reached; "
            f"{remedy}"
        )
    try:
        return Path(snapshot_download(repository, allow_patterns=list(files)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise MissingError(
            f"'{repository}' cannot be downloaded ({type(error).__name__}); {remedy}"
        ) from error
