// Put into Pyodide's large script by `pyodide_script.py`, at the top of the function that all of it is: `Module`,
// `wasmImports`, `GOT`, `updateGOT`, `addFunction` and `isInternalSym` are Emscripten's.
// What WebAssembly exports is found by whoever asks for it, below what the script has itself, instead of being copied.

var mainExports = {};

/** In place of `mergeLibSymbols`: what extension modules import and what is looked up by name. */
var bindSymbols = (exports) => {
  mainExports = exports;
  for (var name in wasmImports) if (wasmImports[name].stub && name in exports) wasmImports[name] = exports[name];
  Object.setPrototypeOf(wasmImports, exports);
  wasmImports["main"] ??= exports["__main_argc_argv"];
  wasmImports["__main_argc_argv"] ??= exports["main"];
};

/** In place of a copy, in which some functions are then replaced by converting ones. */
var overlaid = (exports) => new Proxy(Object.create(null), { get: (own, name) => own[name] ?? exports[name] });

/** Beside `assignWasmExports`: `Module._name`, a function or the address of a variable. */
var bindModule = (exports) => {
  var above = Object.getPrototypeOf(Module);
  var get = (_, name) => {
    var value = typeof name == "string" && name[0] == "_" ? exports[name.slice(1)] : undefined;
    if (value === undefined) return Reflect.get(above, name, Module);
    return (Module[name] = typeof value == "function" ? value : value.value >>> 0);
  };
  Object.setPrototypeOf(Module, new Proxy(above, { get }));
};

/** In place of `updateGOT` for all exports: those that the main module itself imports the addresses of. */
var placeImported = (exports) => {
  var imported = {};
  for (var name in GOT) if (name in exports) imported[name] = exports[name];
  updateGOT(imported);
};

/** In place of `GOT[name]`: what the main module exports gets its address when it is first asked for. */
var entryOf = (name) => {
  if (GOT[name] || !(name in mainExports) || isInternalSym(name)) return GOT[name];
  var value = mainExports[name];
  var place = typeof value == "function" ? addFunction(value) : value.value;
  if (typeof place == "number") GOT[name] = new WebAssembly.Global({ value: "i32", mutable: true }, place);
  return GOT[name];
};

/** In place of `Object.keys`, for what the main module has both of its own and exported. */
var namesOf = (exports) => {
  if (exports !== wasmImports) return Object.keys(exports);
  return [...new Set([...Object.keys(exports), ...Object.keys(mainExports)])];
};
