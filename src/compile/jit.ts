/** @file `jit`: a function of trees of tensors compiled once for each signature of its arguments. */
import { callWith } from "../ir/call.ts";
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { type OptionsOf, optional, schema } from "../base/options.ts";
import { flag } from "../base/kinds.ts";
import { type Tensor, concreteElements } from "../ir/tensor.ts";
import { currentTrace, trace } from "../ir/trace.ts";
import { type TreeDef, flatten } from "../ir/tree.ts";
import { backendName } from "./engine.ts";
import { type Executable, makeExecutable } from "./evaluate.ts";
import { listingOf } from "./listing.ts";
import { typeKey } from "../ir/key.ts";

const jitOptions = schema({
  batchInvariant: optional(
    flag,
    false,
    "Whether a sample's results have the same bits in every batch; sums are then not ordered for speed.",
  ),
});

/** What `jit` may be told. */
export type JitOptions = OptionsOf<typeof jitOptions.spec>;

interface Compiled {
  readonly executable: Executable;
  readonly result: TreeDef;
}

/** A compiled function, called like the original. */
export type Jitted<A extends unknown[], R> = ((...args: A) => R) & {
  /** The graph, kernels and memory plan for arguments like these, as text. */
  listing(...args: A): string;
};

/** By signature: one, and further ones for calls from within a call (a callback of a solve may come back here). */
type Instances = Map<string, Compiled[]>;

/** Memory of programs whose function is gone is given back. */
const orphans = new FinalizationRegistry<Instances>((compiled) => {
  for (const instances of compiled.values())
    for (const { executable } of instances) executable.release();
});

/**
 * Compiles `fn` for the shapes and dtypes of its arguments, once for each signature. Arguments and result are trees of tensors.
 * Concrete tensors that `fn` closes over are read once, when it is traced. Inside another trace, `fn` is simply traced along.
 *
 * With `batchInvariant`, a row of the result that depends on one row of the arguments has the same bits whatever other rows there
 * are: every sum is added in an order that follows from the axes it folds, not from the size of the batch. Few rows times a large
 * matrix, and sums along rows, are then slower.
 *
 * Throws ArgumentError if an argument or the result is not a tree of tensors.
 */
export function jit<A extends unknown[], R>(
  fn: (...args: A) => R,
  options: JitOptions = {},
): Jitted<A, R> {
  if (typeof fn !== "function")
    throw new ArgumentError(complaint("jit", "a function", describe(fn)));
  const { batchInvariant } = jitOptions.read("jit", options);
  const who = fn.name === "" ? "jit" : fn.name;
  const compiled: Instances = new Map();
  const compileFor = (leaves: readonly Tensor[], def: TreeDef): Compiled => {
    const key = `${backendName()} ${def.key} ${leaves.map(typeKey).join(" ")}`;
    let instances = compiled.get(key);
    if (instances === undefined) compiled.set(key, (instances = []));
    let idle = instances.find(({ executable }) => !executable.running);
    if (idle === undefined) instances.push((idle = compile(fn, who, leaves, def, batchInvariant)));
    return idle;
  };
  const jitted = (...args: A): R => {
    if (currentTrace() !== undefined) return callWith(who, fn, args);
    const { leaves, def } = flatten(who, args);
    const { executable, result } = compileFor(leaves, def);
    return result.rebuild(executable.call(leaves)) as R;
  };
  jitted.listing = (...args: A): string => {
    const { leaves, def } = flatten(who, args);
    return listingOf(compileFor(leaves, def).executable.program);
  };
  orphans.register(jitted, compiled);
  return jitted;
}

function compile<A extends unknown[], R>(
  fn: (...args: A) => R,
  who: string,
  leaves: readonly Tensor[],
  def: TreeDef,
  batchInvariant: boolean,
): Compiled {
  let result: TreeDef | undefined;
  const traced = trace((...placeholders) => {
    const out = flatten(`result of ${who}`, callWith(who, fn, def.rebuild(placeholders) as A));
    result = out.def;
    return out.leaves;
  }, leaves);
  for (const tensor of traced.captured) concreteElements(tensor, who);
  const executable = makeExecutable(traced.graph, who, traced.captured, batchInvariant);
  return { executable, result: result! };
}
