# /// script
# requires-python = ">=3.11"
# dependencies = ["irenic"]
# [tool.irenic]
# connect = ["http:", "https:"]           # whatever address is typed in
# ///
"""Download an archive, unpack it, and write down what is in it."""

from pydantic import BaseModel, Field

from irenic import Flow
from irenic.items import ArchiveExtract, FileDownload, Manifest, OptionalSha256, WebAddress


class Inputs(BaseModel):
    """Where the archive comes from."""

    url: WebAddress = Field(
        "/flows/sample.zip",
        title="Address of the archive",
        description="A zip or tar archive. Another site must allow this page to read from it (CORS).",
    )
    sha256: OptionalSha256 = Field(
        None,
        title="SHA-256",
        description="The checksum that the archive must have; empty means any.",
    )


flow = Flow("download", inputs=Inputs, summary="Download an archive, unpack it, and write down what is in it.")
archive = flow.add(FileDownload("archive"), url=flow.inputs.url, sha256=flow.inputs.sha256, dest="download/archive")
site = flow.add(ArchiveExtract("site"), archive=archive.state.path, dest="download/files")
manifest = flow.add(Manifest("manifest"), directory=site.state.path, dest="download/manifest.json")
