/** @file The golden values of test/golden/layers.json: how they are stored, and how what they were made from is drawn again. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type Tensor, tensor } from "../../src/index.ts";

export type Floats = "float32" | "float64";

/** How an array was drawn (make-layers.py: `drawn`). */
export interface Drawing {
  readonly shape: readonly number[];
  readonly seed: number;
  readonly scale?: number;
  readonly shift?: number;
  readonly levels?: number;
}

/** A layer of Keras with its configuration, and what it made of its inputs. */
export interface LayerCase {
  readonly layer: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inputs: readonly Drawing[];
  readonly parameters: readonly (Drawing & { readonly name: string })[];
  readonly outputShape: readonly number[];
  readonly parameterCount: number;
  readonly cotangent: number;
  readonly output: string;
  readonly gradients: readonly string[];
  readonly parameterGradients: Readonly<Record<string, string>>;
  readonly training?: boolean;
  readonly updates?: Readonly<Record<string, string>>;
  readonly adapt?: Drawing;
}

interface Stored {
  readonly shape: readonly number[];
  readonly data: string;
}

/** A loss of Keras, and its value and gradient. */
export interface LossCase {
  readonly loss: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly prediction: Stored;
  readonly target: Stored;
  readonly value: number;
  readonly gradient: string;
}

export const golden = JSON.parse(
  readFileSync(new URL("../golden/layers.json", import.meta.url), "utf8"),
) as { readonly layers: readonly LayerCase[]; readonly losses: readonly LossCase[] };

/** The text of a summary of Keras. */
export function goldenSummary(name: string): string {
  return readFileSync(new URL(`../golden/summary-${name}.txt`, import.meta.url), "utf8");
}

/** Little-endian float32 numbers in base64. */
export function unpacked(text: string): Float32Array {
  const bytes = Buffer.from(text, "base64");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

/** A number in [-1, 1) for a seed and a place: the upper 24 bits of a hash (Murmur3's last mixing). */
export function hashed(seed: number, place: number): number {
  let h = (place + Math.imul(seed, 0x9e3779b1)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  return (h >>> 8) / 2 ** 23 - 1;
}

/** The array of a drawing, bit for bit that of make-layers.py. */
export function drawn(drawing: Drawing, dtype: Floats): Tensor {
  const { shape, seed, scale = 1, shift = 0, levels = 0 } = drawing;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const data = Float32Array.from({ length: size }, (_, i) => {
    const value = hashed(seed, i);
    return (levels === 0 ? value : Math.floor(value * levels) / levels) * scale + shift;
  });
  return tensor([...data], { shape: [...shape], dtype });
}

/** Keras' name_of_an_option as ours: nameOfAnOption. */
export function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Throws unless every element is right up to `tolerance` times the largest expected magnitude. */
export function expectClose(
  what: string,
  actual: Tensor,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(actual.size, `${what}: elements`).toBe(expected.length);
  const data = actual.data();
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!));
  let [worst, at] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(data[i]! - expected[i]!);
    if (!(error <= worst)) [worst, at] = [error, i];
  }
  expect(
    worst <= tolerance * largest,
    `${what}: element ${at} is ${data[at]} for ${expected[at]}, an error of ${worst / largest} of the largest magnitude`,
  ).toBe(true);
}
