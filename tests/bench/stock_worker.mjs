/** What our start is measured against: Pyodide as its manual has it, from the same site. */

import { loadPyodide } from "/vendor/pyodide/pyodide.mjs";

const WITH_PYDANTIC = `
import pydantic
class Model(pydantic.BaseModel):
    a: int
Model(a="3")
`;

onmessage = async ({ data: { packages } }) => {
  const site = new URL("/", location.href).href;
  const python = await loadPyodide({
    indexURL: `${site}vendor/pyodide/`,
    lockFileURL: `${site}vendor/wheels/pyodide-lock.json`,
    packageBaseUrl: `${site}vendor/wheels/`,
    packages,
  });
  if (packages.includes("pydantic")) python.runPython(WITH_PYDANTIC);
  postMessage("ready");
};
