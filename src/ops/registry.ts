/** @file Every primitive with its rules: a primitive without a bundle does not compile. */
import type { PrimName } from "../ir/prim.ts";
import { binaryRules } from "./prims/binary.ts";
import { callRules } from "./prims/call.ts";
import { convRules } from "./prims/conv.ts";
import { gatherRules } from "./prims/gather.ts";
import { joinRules } from "./prims/join.ts";
import { logicalRules } from "./prims/logical.ts";
import { matmulRules } from "./prims/matmul.ts";
import { poolRules } from "./prims/pool.ts";
import { randomRules } from "./prims/random.ts";
import { reduceRules } from "./prims/reduce.ts";
import { selectRules } from "./prims/select.ts";
import { unaryRules } from "./prims/unary.ts";
import { viewRules } from "./prims/view.ts";
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
