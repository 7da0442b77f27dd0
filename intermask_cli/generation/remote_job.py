"""A URL as --out: the run is made in a folder of this machine and kept behind the URL (`run.remote_run`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from intermask_cli.console import note
from intermask_cli.datasets.remote_path import RemotePath, is_url
from intermask_cli.datasets.tables import safe_id
from intermask_cli.errors import InputError
from intermask_cli.files import cache_folder, url_of
from intermask_cli.generation.job import Job, Summary, finished_summary, resumable
from intermask_cli.generation.run.plan import Shard
from intermask_cli.generation.run.remote_run import RemoteRun
from intermask_cli.generation.workers.launch import first_of_launcher, on_several_machines, world_size


@dataclass(frozen=True)
class Destination:
    """Where a run is made, None for a folder below `runs/`, and the URL behind which it is kept, if any."""

    folder: Path | None
    url: RemotePath | None = None


def destination(out: str | None, work_folder: Path | None, shard: Shard) -> Destination:
    """The values of --out and --work-folder.

    Raises InputError for a URL that cannot be written, or not by the processes that share this run.
    """
    if out is None or not is_url(out):
        if work_folder is not None:
            raise InputError("--work-folder: goes with a URL as --out; with a path the run is made there")
        if out is not None and (meant := url_of(out)):
            raise InputError(f"--out {out}: not a path on this machine; a URL has two slashes: {meant}")
        return Destination(None if out is None else Path(out))
    url = RemotePath(out)
    url.require_writable()
    if shard.count > 1:
        raise InputError(
            f"--shard: shards meet in a folder, which {url} is not; mount the storage and give its path, or "
            "leave --shard out: --engine ray uses several machines"
        )
    if on_several_machines() and work_folder is None:
        raise InputError(
            f"{url}: the launcher started processes on several machines; give a --work-folder that all of "
            "them see, or use --engine ray"
        )
    return Destination(work_folder or _default_folder(url), url)


def _default_folder(url: RemotePath) -> Path:
    """A folder in the user's cache, the same for every command on this URL."""
    digest = hashlib.sha256(str(url).encode()).hexdigest()[:12]
    return cache_folder() / "runs" / f"{safe_id(url.name, 'run')}-{digest}"


@resumable()
def run_at_url(job: Job, run: Callable[[Job], Summary | None], whole: bool) -> Summary | None:
    """Run a job whose run is kept behind `job.url`. None on workers other than the first.

    run: makes the run in its folder, with all that belongs to it. whole: it needs the dataset here, even of a
    run that is complete behind the URL.
    """
    assert job.url is not None
    if not first_of_launcher():
        return run(job)
    temporary = job.folder == _default_folder(job.url)
    remote = RemoteRun(job.url, job.folder, job.info)
    with remote.locked():
        # The other workers of a launcher look for a complete run in the folder.
        whole = whole or world_size() > 1
        manifest = remote.fetch(job.execution.overwrite, whole)
        if manifest is not None:
            note(f"{job.url}: this run is already complete; --overwrite makes it again")
            result = finished_summary(job.folder, manifest, job.rejected, job.execution.rejected_ok)
        else:
            end = "is removed" if temporary else "may be deleted"
            note(f"{job.url}: made in {job.folder}, which {end} when the finished run has been sent")
            with remote.sending():
                made = run(job)
            assert made is not None
            result = replace(made, unsent=remote.finish())
    if temporary and not result.unsent and not result.failed:
        remote.remove_folder()
    return replace(result, url=job.url)
