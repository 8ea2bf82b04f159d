/** @file Every primitive with its rules: a primitive without a bundle does not compile. */
import type { PrimName } from "../ir/prim.ts";
import { binaryRules, logicalRules, selectRules, unaryRules } from "./prims/elementwise.ts";
import { callRules } from "./prims/call.ts";
import { convRules, matmulRules } from "./prims/products.ts";
import { gatherRules, joinRules, viewRules } from "./prims/views.ts";
import { poolRules } from "./prims/pool.ts";
import { randomRules } from "./prims/random.ts";
import { reduceRules } from "./prims/reduce.ts";
import type { Rules } from "./rules.ts";

/** The rules of every primitive. */
export const registry: { readonly [P in PrimName]: Rules<P> } = {
  ...unaryRules,
  ...binaryRules,
  ...logicalRules,
  ...selectRules,
  ...reduceRules,
  ...matmulRules,
  ...convRules,
  ...poolRules,
  ...viewRules,
  ...joinRules,
  ...gatherRules,
  ...randomRules,
  ...callRules,
};
