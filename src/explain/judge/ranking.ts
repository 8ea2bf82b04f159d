/** @file Pixels in the order of their relevance. */
import { untraced } from "../../ir/trace.ts";
import { random } from "../../ops/index.ts";

/**
 * Places of pixels, most relevant first. Equal values, of which maps that pass through a ReLU have many, come in a random order
 * drawn from the seed: in the order of rows they would favour one side of the picture.
 */
export function ranking(map: ArrayLike<number>, seed: number): Int32Array {
  const order = untraced(
    () => random.permutation(random.key(seed), map.length).data() as Int32Array,
  );
  return order.sort((a, b) => map[b]! - map[a]!);
}
