/**
 * The middle rung: the standard library and our packages as one zip file of stored bytecode, in place of the standard
 * library's own. Nothing is compiled from source and no wheel is unpacked, which is most of an ordinary start.
 */

import { readContainer } from "./container.mjs";
import { startInterpreter } from "./interpreter.mjs";
import { attachNative, writeFiles } from "./native.mjs";

/** @type {import("./load.mjs").Rung} */
export async function startFromBundle({ manifest, given, options, mark }) {
  const { bundle } = manifest;
  if (!bundle) throw new Error("this site has no bytecode bundle");
  const python = await startInterpreter({
    manifest,
    options,
    mark,
    wasm: given("wasm"),
    library: fetch(bundle.library).then((response) => response.arrayBuffer()),
    beforeRun: async (Module) => {
      const [compiled, files] = await Promise.all([given("native"), given("nativeFiles")]);
      bundle.native.forEach(({ path }, index) => {
        writeFiles(Module, readContainer(files[index]).files);
        attachNative(Module, path, compiled[index]);
      });
      mark("native_loaded");
    },
  });
  mark("python_started");
  return { python, library: null };
}
