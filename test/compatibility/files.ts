/** @file What is expected of the kept files, as the maker writes it down and the test compares it. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type { Tensor, TypedArray } from "../../src/index.ts";
import type { LoadedModel } from "../../src/models/index.ts";
import type { Module } from "../../src/nn/index.ts";
import { type Library, drawn } from "./recipes.ts";

/** This folder. */
export const here: string = dirname(fileURLToPath(import.meta.url));

/** Networks of one input that Keras wrote, each a whole model. */
export const kerasFiles = ["branches.h5", "branches.keras", "chain.h5", "chain.keras"] as const;

export const kerasBytes = (name: string): Uint8Array =>
  gunzipSync(readFileSync(join(here, `../golden/keras/${name}.gz`)));

/** The bytes of elements as hexadecimal digits. */
export function bitsOf(elements: TypedArray): string {
  const { buffer, byteOffset, byteLength } = elements;
  return Buffer.from(buffer, byteOffset, byteLength).toString("hex");
}

/** A checksum of the bits of every parameter by its name, and the bits of what the network makes of random inputs. */
export interface Expected {
  readonly parameters: Readonly<Record<string, string>>;
  readonly output?: string;
}

/** FNV-1a of 64 bits. */
function checksum(digits: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(digits, "hex"))
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(16).padStart(16, "0");
}

/** What is expected of a model, and of the network that it is, if it is one. */
export function expectedOf(library: Library, model: unknown, network?: LoadedModel): Expected {
  const named = (model as Module).namedParameters();
  const parameters = Object.fromEntries(
    named.map(([name, tensor]: readonly [string, Tensor]) => [
      name,
      `${tensor.dtype} [${tensor.shape.join(", ")}] ${checksum(bitsOf(tensor.data()))}`,
    ]),
  );
  if (network === undefined) return { parameters };
  const dtype = named.some(([, tensor]) => tensor.dtype === "float64") ? "float64" : "float32";
  const x = drawn(library, 99, [2, ...(network.inputShape as number[])], dtype);
  return { parameters, output: bitsOf(network.forward(x).data()) };
}

/** Two columns that turn around each other on irregular times, with some cells empty. */
export function series(): string {
  const lines = ["t,x,y"];
  for (let i = 0; i < 24; i++) {
    const t = i * 0.4 + ((i * 7) % 5) * 0.03;
    const cell = (value: number, row: number): string => (i % 9 === row ? "" : value.toFixed(3));
    lines.push(`${t.toFixed(3)},${cell(3 + Math.cos(t), 4)},${cell(Math.sin(t), 7)}`);
  }
  return `${lines.join("\n")}\n`;
}

const fit = "fit series.csv --hidden 6 --window 8";
export const fitArguments: readonly string[] = `${fit} --iterations 40 --seed 3 --quiet`.split(" ");
/** A fit that is long enough to be stopped while it runs. */
export const resumeArguments: readonly string[] =
  `${fit} --iterations 2000 --patience 2000 --checkpoint-every 400`.split(" ");
