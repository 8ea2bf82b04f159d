// Interpreter rule of randomBits: the counter-based generator Threefry-2x32 with 20 rounds.
import { sizeOf } from "../../ir/shape.ts";
import type { Rules } from "./rule.ts";

/** Rotations of the eight rounds that repeat (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", table 4). */
const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
/** The key schedule's parity word for 32-bit words. */
const parity = 0x1bd11bda;

const rotateLeft = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits));

/** Two int32 of random bits from a key and a counter of two int32 each. */
export function threefry(
  [key0, key1]: readonly [number, number],
  [counter0, counter1]: readonly [number, number],
): [number, number] {
  const schedule = [key0, key1, key0 ^ key1 ^ parity];
  let x = (counter0 + key0) | 0;
  let y = (counter1 + key1) | 0;
  for (let round = 0; round < 20; round++) {
    x = (x + y) | 0;
    y = rotateLeft(y, rotations[round % 8]!) ^ x;
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    x = (x + schedule[injection % 3]!) | 0;
    y = (y + schedule[(injection + 1) % 3]! + injection) | 0;
  }
  return [x, y];
}

export const randomRules: Rules<"randomBits"> = {
  randomBits: ({ shape }, [key]) => {
    const out = new Int32Array(sizeOf(shape));
    const [key0, key1] = key!.elements as unknown as [number, number];
    for (let j = 0; 2 * j < out.length; j++) {
      const [first, second] = threefry([key0, key1], [j, 0]);
      out[2 * j] = first;
      if (2 * j + 1 < out.length) out[2 * j + 1] = second;
    }
    return out;
  },
};
