/**
 * Let PyScript start under a policy without 'unsafe-eval'.
 *
 * PyScript compiles a hook for its own workers from text while it starts, whether there are such workers or not, and
 * a refusal at that place stops it. This page has none, so that hook may be a function that does nothing.
 * To be loaded before PyScript.
 */
globalThis.Function = new Proxy(Function, { apply: () => () => undefined });
