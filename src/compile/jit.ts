/** @file `jit`: a function of trees of tensors compiled once for each signature of its arguments. */
import { ArgumentError, complaint, describe } from "../ir/errors.ts";
import type { Tensor } from "../ir/tensor.ts";
import { concreteElements } from "../ir/tensor.ts";
import { currentTrace, trace } from "../ir/trace.ts";
import { type TreeDef, flatten } from "../ir/tree.ts";
import { backendName } from "./engine.ts";
import { Executable } from "./evaluate.ts";
import { explainProgram } from "./explain.ts";
import { typeKey } from "./key.ts";

interface Compiled {
  readonly executable: Executable;
  readonly result: TreeDef;
}

/** A compiled function, called like the original. */
export type Jitted<A extends unknown[], R> = ((...args: A) => R) & {
  /** The graph, kernels and memory plan for arguments like these, as text. */
  explain(...args: A): string;
};

/** Memory of programs whose function is gone is given back. */
const orphans = new FinalizationRegistry<Map<string, Compiled>>((compiled) => {
  for (const { executable } of compiled.values()) executable.release();
});

/**
 * Compiles `fn` for the shapes and dtypes of its arguments, once for each signature. Arguments and result are trees of tensors.
 * Concrete tensors that `fn` closes over are read once, when it is traced. Inside another trace, `fn` is simply traced along.
 * Throws ArgumentError if an argument or the result is no tree of tensors.
 */
export function jit<A extends unknown[], R>(fn: (...args: A) => R): Jitted<A, R> {
  if (typeof fn !== "function")
    throw new ArgumentError(complaint("jit", "a function", describe(fn)));
  const who = fn.name === "" ? "jit" : fn.name;
  const compiled = new Map<string, Compiled>();
  const compileFor = (leaves: readonly Tensor[], def: TreeDef): Compiled => {
    const key = `${backendName()} ${def.key} ${leaves.map(typeKey).join(" ")}`;
    let found = compiled.get(key);
    if (found === undefined || found.executable.running) {
      const fresh = compile(fn, who, leaves, def);
      // A call from within itself (a callback of a solve) gets an instance of its own.
      if (found === undefined) compiled.set(key, fresh);
      found = fresh;
    }
    return found;
  };
  const jitted = (...args: A): R => {
    if (currentTrace() !== undefined) return fn(...args);
    const { leaves, def } = flatten(who, args);
    const { executable, result } = compileFor(leaves, def);
    return result.rebuild(executable.call(leaves)) as R;
  };
  jitted.explain = (...args: A): string => {
    const { leaves, def } = flatten(who, args);
    return explainProgram(compileFor(leaves, def).executable.program);
  };
  orphans.register(jitted, compiled);
  return jitted;
}

function compile<A extends unknown[], R>(
  fn: (...args: A) => R,
  who: string,
  leaves: readonly Tensor[],
  def: TreeDef,
): Compiled {
  let result: TreeDef | undefined;
  const traced = trace((...placeholders) => {
    const out = flatten(`result of ${who}`, fn(...(def.rebuild(placeholders) as A)));
    result = out.def;
    return out.leaves;
  }, leaves);
  const executable = new Executable(traced.graph, who);
  traced.captured.forEach((tensor, index) => {
    concreteElements(tensor, who);
    executable.preset(leaves.length + index, tensor);
  });
  return { executable, result: result! };
}
