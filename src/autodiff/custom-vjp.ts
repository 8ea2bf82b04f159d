/** @file Functions that bring their own backward rule. */
import { ArgumentError, complaint, describe } from "../base/errors.ts";
import { typeOf } from "../ir/graph.ts";
import type { CallVjp } from "../ir/prim.ts";
import { currentTrace, trace } from "../ir/trace.ts";
import { type TreeDef, flatten } from "../ir/tree.ts";
import { bind } from "../ops/bind.ts";
import { zerosLike } from "../ops/creation.ts";
import type { Derivative } from "../ops/rules.ts";
import { flattenArguments, matchingLeaves, nameOf, rebuildArguments } from "./arguments.ts";
import { vjpGraph } from "./graph-derivatives.ts";

/** The two halves of a derivative in reverse mode: what `customVjp` runs forward, and how it pulls cotangents back. */
export interface CustomVjpRules<A extends unknown[], R, S> {
  /** The function's result, and what the backward rule will need (any tree). */
  forward(...args: A): [R, S];
  /** What forward kept and the result's cotangent -> one gradient an argument, shaped like it (undefined: none). */
  backward(residuals: S, cotangent: R): { readonly [K in keyof A]: A[K] | undefined };
}

/**
 * `fn` with its own derivative in reverse mode. `forward` must return what `fn` returns; inside a trace it stands for `fn`,
 * and what only the backward rule needs is dropped where nothing is differentiated. Forward mode (jvp) differentiates `forward`
 * itself; so do derivatives of the backward rule. A tensor that is differentiated must be an argument: one that `fn` closes
 * over is an ArgumentError when a gradient for it is asked for.
 */
export function customVjp<A extends unknown[], R, S>(
  fn: (...args: A) => R,
  rules: CustomVjpRules<A, R, S>,
): (...args: A) => R {
  const who = nameOf(fn, "customVjp");
  for (const part of ["forward", "backward"] as const)
    if (typeof rules?.[part] !== "function")
      throw new ArgumentError(complaint(who, `a function ${part}`, describe(rules?.[part])));
  return (...args) => {
    if (currentTrace() === undefined) return fn(...args);
    const flat = flattenArguments(who, args);
    let result: TreeDef | undefined;
    let kept: TreeDef | undefined;
    const { graph, captured } = trace((...placeholders) => {
      const pair = rules.forward(...(rebuildArguments(flat, placeholders) as A)) as unknown;
      if (!Array.isArray(pair) || pair.length !== 2)
        throw new ArgumentError(
          complaint(who, "forward to return [result, residuals]", describe(pair)),
        );
      const out = flatten(`${who}: result of forward`, pair[0]);
      const residuals = flatten(`${who}: residuals`, pair[1]);
      result = out.def;
      kept = residuals.def;
      return [...out.leaves, ...residuals.leaves];
    }, flat.leaves.map(typeOf));
    const count = result!.leafCount;
    const backward: CallVjp = (inputs, outputs, cotangents) => {
      const given = cotangents
        .slice(0, count)
        .map((cotangent, i) => cotangent ?? zerosLike(outputs[i]!));
      const residuals = kept!.rebuild(outputs.slice(count)) as S;
      const gradients = rules.backward(residuals, result!.rebuild(given) as R) as unknown;
      if (!Array.isArray(gradients) || gradients.length !== args.length)
        throw new ArgumentError(
          complaint(
            who,
            `backward to return ${args.length} gradients in an array (one an argument)`,
            describe(gradients),
          ),
        );
      // Where the backward rule is differentiated itself, what it kept is: by the ordinary rules of `forward`.
      const ofKept = cotangents.slice(count).some((cotangent) => cotangent !== undefined)
        ? vjpGraph(
            graph,
            inputs,
            inputs.map(() => true),
          ).pullback(cotangents.map((cotangent, i) => (i < count ? undefined : cotangent)))
        : [];
      const ofResult = gradients.flatMap((gradient, n): readonly Derivative[] => {
        const types = inputs.slice(flat.starts[n], flat.starts[n + 1]);
        return gradient === undefined || gradient === null
          ? types.map(() => undefined)
          : matchingLeaves(`${who}: gradient of argument ${n}`, gradient, flat.defs[n]!, types);
      });
      return ofResult.map((gradient, i) =>
        gradient && ofKept[i] ? gradient.add(ofKept[i]) : (gradient ?? ofKept[i]),
      );
    };
    const outputs = bind("call", [...flat.leaves, ...captured], {
      graph,
      vjp: backward,
      name: who,
    });
    return result!.rebuild(outputs.slice(0, count)) as R;
  };
}
