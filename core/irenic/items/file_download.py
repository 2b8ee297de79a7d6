"""A file that is downloaded from a URL."""

import hashlib

from pydantic import BaseModel, Field, HttpUrl

from irenic.flow.context import HttpResponse, ItemContext
from irenic.flow.generated import Generated
from irenic.flow.item import ApplyCheck, FieldChange, Item, ItemInteraction, StateDiff, field_diff
from irenic.flow.params import PartialParams
from irenic.items.addresses import WebAddress, without_login
from irenic.items.digests import OptionalSha256, digest_file
from irenic.items.http_failures import check_status, host_of, shown
from irenic.items.paths import RelativePath, normalized_path
from irenic.model.errors import ItemFailure
from irenic.model.progress import ProgressLimit

AS_IT_IS = {"accept-encoding": "identity"}
"""Without compression on the way, the announced length is that of the file, and the ETag that of its content."""


class FileDownloadParams(BaseModel):
    """What to download, and where to.

    :param url: an address; in the tab also a path on the page's own site.
    :param dest: the path of the file.
    :param sha256: the digest that the content must have; None where any content of that URL will do.
    :param max_bytes: the size above which the download is refused.
    """

    url: HttpUrl | WebAddress
    dest: RelativePath
    sha256: OptionalSha256 = None
    max_bytes: int | None = Field(None, gt=0)

    @property
    def address(self) -> str:
        """The URL as text."""
        return str(self.url)


class FileDownloadState(BaseModel):
    """The file: ``size`` in bytes, and where its content came from as far as that is known."""

    path: str
    exists: bool = False
    size: Generated[int] = None
    sha256: Generated[str] = None
    url: Generated[str] = None
    etag: Generated[str] = None
    last_modified: Generated[str] = None


class FileDownload(Item[FileDownloadParams, FileDownloadState]):
    """Download a file, with its checksum checked where one is given.

    A file whose content has the wanted SHA-256 is at its goal. Where none is given, a file that was downloaded from the
    same URL before, and has not changed since, is, unless the URL has other content by now: that is asked for by a HEAD
    request, and told by the ETag, or else by Last-Modified. Where the host does not say, the file stays as it is. The
    body is asked for once, in apply; it is written apart and takes its place when it is whole and checked.
    """

    async def state_current(self, cx: ItemContext, params: FileDownloadParams) -> FileDownloadState:
        """Return the file as it is; its content is read and hashed."""
        nothing = FileDownloadState(path=params.dest)
        if await cx.fs.stat(params.dest) is None:
            return nothing
        found = await digest_file(cx, params.dest)
        state = nothing.model_copy(update={"exists": True, "size": found.size, "sha256": found.sha256})
        known: FileDownloadState | None = cx.stored
        if known is None or known.sha256 != found.sha256:
            return state
        origin = {"url": known.url, "etag": known.etag, "last_modified": known.last_modified}
        return state.model_copy(update=origin)

    async def state_goal(self, cx: ItemContext, params: FileDownloadParams) -> FileDownloadState:
        """Return what the params say, and whether what was downloaded before is still what the URL has."""
        url = without_login(params.address) if params.sha256 is None else None
        goal = FileDownloadState(path=params.dest, exists=True, sha256=params.sha256, url=url)
        known: FileDownloadState | None = cx.stored
        if url is None or known is None or known.url != url or (known.etag or known.last_modified) is None:
            return goal
        return goal.model_copy(update=await self._newer(cx, params, known))

    def identity(self, params: FileDownloadParams) -> str:
        """Return the path."""
        return normalized_path(params.dest)

    def state_clean(self, params_partial: PartialParams[FileDownloadParams]) -> FileDownloadState:
        """Return that there is no file."""
        return FileDownloadState(path=params_partial.dest or "")

    def state_diff(self, current: FileDownloadState, target: FileDownloadState) -> StateDiff:
        """Return what differs; content of unknown origin differs from content of a certain URL."""
        diff = field_diff(current, target)
        if target.url is None or current.url is not None:
            return diff
        return StateDiff(changes={**diff.changes, "url": FieldChange(before=None, after=target.url)})

    def apply_check(
        self, params: FileDownloadParams, current: FileDownloadState, target: FileDownloadState, diff: StateDiff
    ) -> ApplyCheck:
        """Decide by what differs."""
        return ApplyCheck.not_required() if diff.is_empty else ApplyCheck(required=True)

    async def apply(
        self,
        cx: ItemContext,
        params: FileDownloadParams,
        current: FileDownloadState,
        target: FileDownloadState,
        diff: StateDiff,
    ) -> FileDownloadState:
        """Download the file, or remove it."""
        if not target.exists:
            await cx.fs.remove(current.path)
            return target
        cx.progress.message(f"asking {host_of(params.address)}")
        async with cx.http.request("GET", params.address, headers=AS_IT_IS) as response:
            check_status(response, params.address)
            state = await self._keep(cx, params, response)
        # What the goal was told by is kept, also where another of the host's servers names the same content otherwise.
        return state.model_copy(
            update={"etag": target.etag or state.etag, "last_modified": target.last_modified or state.last_modified}
        )

    def interactions(self, params: FileDownloadParams) -> list[ItemInteraction]:
        """Return that it pulls from the host."""
        return [ItemInteraction(kind="pull", source=[host_of(params.address)], target=["files", params.dest])]

    async def _newer(
        self, cx: ItemContext, params: FileDownloadParams, known: FileDownloadState
    ) -> dict[str, str | None]:
        """Return the ETag and the time of what the URL has by now, where that is something else."""
        try:
            async with cx.http.request("HEAD", params.address, headers=AS_IT_IS) as response:
                check_status(response, params.address)
                etag, changed_at = (response.headers.get(name) for name in ("etag", "last-modified"))
        except ItemFailure as failure:
            cx.log.info(
                f"whether {params.dest} is still what was downloaded is not known: {failure} It stays as it is."
            )
            return {}
        if etag is not None and known.etag is not None:
            is_same = etag.removeprefix("W/") == known.etag.removeprefix("W/")
        else:
            is_same = None in (changed_at, known.last_modified) or changed_at == known.last_modified
        return {} if is_same else {"etag": etag, "last_modified": changed_at}

    async def _keep(self, cx: ItemContext, params: FileDownloadParams, response: HttpResponse) -> FileDownloadState:
        total = _announced_size(response)
        self._check_size(params, total or 0)
        cx.progress.limit(ProgressLimit.bytes(total))
        cx.progress.message(f"downloading {params.dest}")
        digest, size = hashlib.sha256(), 0
        async with cx.fs.write(params.dest) as file:
            async for chunk in response.chunks():
                size += len(chunk)
                self._check_size(params, size)
                digest.update(chunk)
                await file.write(chunk)
                if total is not None and size > total:  # compressed on the way after all
                    total = None
                    cx.progress.limit(ProgressLimit.bytes(None))
                cx.progress.inc(len(chunk))
                await cx.checkpoint()
            self._check_digest(params, digest.hexdigest())
            async with cx.shield("the downloaded file is being put in its place"):
                await file.commit()
        return FileDownloadState(
            path=params.dest,
            exists=True,
            size=size,
            sha256=digest.hexdigest(),
            url=without_login(params.address),
            etag=response.headers.get("etag"),
            last_modified=response.headers.get("last-modified"),
        )

    def _check_size(self, params: FileDownloadParams, size: int) -> None:
        if params.max_bytes is not None and size > params.max_bytes:
            raise ItemFailure(
                f"{shown(params.address)} sends more than {params.max_bytes:,} bytes, the most that is allowed: "
                "nothing was kept. Raise max_bytes if this is the right address."
            )

    def _check_digest(self, params: FileDownloadParams, found: str) -> None:
        if params.sha256 is not None and params.sha256 != found:
            raise ItemFailure(
                f"the checksum of {shown(params.address)} is wrong: its SHA-256 is {found}, not {params.sha256} as "
                "asked for. Nothing was kept; check the address and the checksum."
            )


def _announced_size(response: HttpResponse) -> int | None:
    if response.headers.get("content-encoding", "identity") != "identity":
        return None
    length = response.headers.get("content-length", "")
    return int(length) if length.isdecimal() else None
