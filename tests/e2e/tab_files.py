"""The tab's own files, as somebody changes them behind irenic's back."""

from playwright.sync_api import Page

_FOLDER = """async ([steps, name, text]) => {
    let folder = await navigator.storage.getDirectory();
    for (const step of steps) folder = await folder.getDirectoryHandle(step);
    if (text === null) return folder.removeEntry(name);
    const file = await (await folder.getFileHandle(name, { create: true })).createWritable();
    await file.write(text);
    await file.close();
}"""


def remove(page: Page, flow: str, name: str, profile: str = "default") -> None:
    """Remove a file of a flow and profile."""
    page.evaluate(_FOLDER, [["irenic-files", flow, profile], name, None])


def write(page: Page, flow: str, name: str, text: str, profile: str = "default") -> None:
    """Write another text into a file of a flow and profile."""
    page.evaluate(_FOLDER, [["irenic-files", flow, profile], name, text])
