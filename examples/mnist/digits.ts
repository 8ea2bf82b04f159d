/** @file MNIST's digits from idx files in a folder, as they come: compressed or not. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Tensor } from "adjoint";
import { gunzip, normalise, readIdx } from "adjoint/optim";

/** Images [N, 28, 28, 1] and labels [N]. */
export type Digits = { readonly x: Tensor; readonly y: Tensor };

async function read(folder: string, names: readonly string[], pattern: RegExp): Promise<Tensor> {
  const name = names.find((one) => pattern.test(one));
  if (name === undefined)
    throw new Error(`${folder}: no file like ${pattern.source}; are the files of MNIST there?`);
  const bytes = new Uint8Array(await readFile(join(folder, name)));
  return readIdx(name.endsWith(".gz") ? await gunzip(bytes, { who: name }) : bytes, { who: name });
}

/** The training digits ("train") or the test digits ("t10k"), brought to mean 0 and deviation 1 by MNIST's usual numbers. */
export async function readDigits(folder: string, part: "train" | "t10k"): Promise<Digits> {
  const names = await readdir(folder);
  const images = await read(folder, names, new RegExp(`^${part}.*images.idx3`));
  const y = await read(folder, names, new RegExp(`^${part}.*labels.idx1`));
  const pixels = images.reshape([...images.shape, 1]);
  return { x: normalise(pixels, { mean: 255 * 0.1307, std: 255 * 0.3081 }), y };
}
