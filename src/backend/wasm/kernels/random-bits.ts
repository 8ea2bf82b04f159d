/**
 * @file randomBits: Threefry-2x32 with 20 rounds, four counters at a time (Salmon et al. 2011, "Parallel random
 * numbers").
 */
import { sizeOf } from "../../../ir/shape.ts";
import type { FunctionBuilder, Local } from "../asm/index.ts";
import type { DirectEmitter } from "./primitives.ts";
import { repeat, advance, pointerTo } from "./flow.ts";
import { lanesOf, storeLanes, merge } from "./lanes.ts";

/** Rotations of the eight rounds that repeat (table 4 of the paper). */
const rotations = [13, 15, 26, 6, 17, 29, 16, 24];
const rounds = 20;
/** The key schedule's parity word for 32-bit words. */
const parity = 0x1bd11bda;
/** Elements an iteration: two words for each of four counters. */
const batch = 8;

/** Elements 2j and 2j + 1 are the two words of counter (j, 0); an odd size leaves out the last. */
export const emitRandomBits: DirectEmitter = (context, fn, work) => {
  const size = sizeOf(work.out.shape);
  if (size === 0) return;
  const key = pointerTo(context, fn, work.inputs[0]!);
  const out = pointerTo(context, fn, work.out);
  const schedule = keySchedule(fn, key);
  const counters = fn.local("v128");
  fn.v128({ i32x4: [0, 1, 2, 3] });
  fn.set(counters);

  // Four-byte lanes whatever their meaning: the stores are those of float32.
  const lanes = lanesOf("float32");
  const words = (count: number): void => {
    const [x, y] = threefry(fn, schedule, counters);
    const low = merge(fn, x, y, 4, 0, 4, 1, 5);
    const high = merge(fn, x, y, 4, 2, 6, 3, 7);
    storeLanes(fn, lanes, out, 0, Math.min(count, 4), low);
    if (count > 4) storeLanes(fn, lanes, out, 16, count - 4, high);
  };
  repeat(fn, Math.floor(size / batch), () => {
    words(batch);
    advance(fn, out, 4 * batch);
    fn.get(counters);
    fn.v128({ i32x4: [4, 4, 4, 4] });
    fn.op("i32x4.add");
    fn.set(counters);
  });
  if (size % batch > 0) words(size % batch);
};

/** The two words of the key and the third one made of them, in every lane. */
function keySchedule(fn: FunctionBuilder, key: Local): [Local, Local, Local] {
  const schedule = [fn.local("v128"), fn.local("v128"), fn.local("v128")] as [Local, Local, Local];
  [0, 1].forEach((word) => {
    fn.get(key);
    fn.load("v128.load32_splat", 4 * word);
    fn.set(schedule[word]!);
  });
  fn.get(schedule[0]);
  fn.get(schedule[1]);
  fn.op("v128.xor");
  fn.v128({ i32x4: [parity, parity, parity, parity] });
  fn.op("v128.xor");
  fn.set(schedule[2]);
  return schedule;
}

/** Registers of the two words for four counters whose second half is 0. */
function threefry(
  fn: FunctionBuilder,
  schedule: readonly Local[],
  counters: Local,
): [Local, Local] {
  const [x, y] = [fn.local("v128"), fn.local("v128")];
  const addTo = (target: Local, source: Local): void => {
    fn.get(source);
    fn.get(target);
    fn.op("i32x4.add");
    fn.set(target);
  };
  fn.get(counters);
  fn.get(schedule[0]!);
  fn.op("i32x4.add");
  fn.set(x);
  fn.get(schedule[1]!);
  fn.set(y);
  for (let round = 0; round < rounds; round++) {
    const bits = rotations[round % rotations.length]!;
    addTo(x, y);
    fn.get(y);
    fn.i32(bits);
    fn.op("i32x4.shl");
    fn.get(y);
    fn.i32(32 - bits);
    fn.op("i32x4.shr_u");
    fn.op("v128.or");
    fn.get(x);
    fn.op("v128.xor");
    fn.set(y);
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    addTo(x, schedule[injection % 3]!);
    addTo(y, schedule[(injection + 1) % 3]!);
    fn.get(y);
    fn.v128({ i32x4: [injection, injection, injection, injection] });
    fn.op("i32x4.add");
    fn.set(y);
  }
  return [x, y];
}
