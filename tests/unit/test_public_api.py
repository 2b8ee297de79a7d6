"""The public names, as the documentation promises them."""

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import irenic
import irenic.endpoints
import irenic.guards
import irenic.items
import irenic.stores

PROMISED = {
    "irenic": {
        "ApplyCheck",
        "Cmd",
        "CmdExecRequest",
        "CmdExecution",
        "CmdExecutionMap",
        "CmdOutcome",
        "Flow",
        "InterruptLevel",
        "InterruptReply",
        "InterruptSignal",
        "InterruptStrategy",
        "IrenicError",
        "Item",
        "ItemContext",
        "ProgressStatus",
        "Ref",
    },
    "irenic.stores": {"FileStore", "HttpStore", "MemoryStore"},
    "irenic.endpoints": {"CiEndpoint", "CliEndpoint", "RecordingEndpoint"},
    "irenic.items": {"ArchiveExtract", "FileDownload"},
    "irenic.guards": set(),
}

PUBLIC = [irenic, irenic.stores, irenic.endpoints, irenic.items, irenic.guards]


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_a_public_module_lists_its_names(module: ModuleType) -> None:
    """In order, each of them there, and all that were promised among them."""
    assert sorted(module.__all__) == list(module.__all__)
    assert PROMISED[module.__name__] <= set(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_class_and_function_is_described(module: ModuleType) -> None:
    """In a sentence at least; so are their public methods."""
    for name in module.__all__:
        thing = getattr(module, name)
        if not inspect.isclass(thing) and not inspect.isfunction(thing):
            continue
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing) and thing.__module__.startswith("irenic"):
            for method, function in vars(thing).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    assert function.__doc__, f"{name}.{method}"


@pytest.mark.parametrize("module", [irenic.stores, irenic.endpoints], ids=lambda module: module.__name__)
def test_a_name_that_there_is_not_is_an_attribute_error(module: ModuleType) -> None:
    """Also where names are loaded when they are first asked for."""
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = module.Nothing


def test_every_module_can_be_imported_and_says_what_it_is() -> None:
    """Those that need the tab are left to its own tests."""
    for info in pkgutil.walk_packages(irenic.__path__, "irenic."):
        if info.name == "irenic.__main__":
            continue
        try:
            module = importlib.import_module(info.name)
        except ModuleNotFoundError as error:
            assert error.name in ("js", "pyodide", "pyodide_js"), info.name  # noqa: PT017 - which one is the point
            continue
        assert module.__doc__, info.name
