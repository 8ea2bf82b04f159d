/** @file How every primitive that can stand in a file is lowered. */
import type { PrimName } from "../../../../../ir/prim.ts";
import type { Rule } from "../step.ts";
import { axesRules, shapeRules } from "./shaping.ts";
import { elementwiseRules } from "./elementwise.ts";
import { compositeRule } from "../composites.ts";
import { productRules } from "./products.ts";

/** Rules by primitive. What only derivatives and random numbers are made of has none. */
export const rules: { readonly [P in PrimName]?: Rule<P> } = {
  ...elementwiseRules,
  ...axesRules,
  ...shapeRules,
  ...productRules,
  composite: compositeRule,
};
