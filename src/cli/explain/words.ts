/** @file How classes and probabilities are written. Loads nothing, so that help comes at once. */
import type { Explanation } from "../../explain/index.ts";
import type { NetworkInUse } from "../model/network.ts";

/** "tabby", or "class 281" where classes have no names. */
export function className({ classNames }: NetworkInUse, classIndex: number | undefined): string {
  if (classIndex === undefined) return "the output";
  return classNames?.[classIndex] ?? `class ${classIndex}`;
}

export const percent = (part: number): string => `${(100 * part).toFixed(part < 0.0995 ? 2 : 1)}%`;

/** Which class an explanation is of, and how likely it is. */
export function classLine(network: NetworkInUse, { classIndex, probability }: Explanation): string {
  const name = className(network, classIndex).replaceAll("_", " ");
  return probability === undefined ? name : `${name}, ${percent(probability)}`;
}
