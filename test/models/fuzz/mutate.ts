/** @file Damage to files, drawn from a seed: what happens to downloads, and what someone hostile would do. */

/** A number in [0, 1) for each call, from a seed (Mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values that length fields are wrong with. */
const absurd = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0xffffffffn,
  0x100000000n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
];

/** Numbers in texts that are too large, of the wrong sign, or none. */
const absurdTexts = [
  "0",
  "-1",
  "1e308",
  "4294967296",
  "9007199254740993",
  "0.5",
  "null",
  "[]",
  '"x"',
];

type Mutation = (bytes: Uint8Array, pick: (below: number) => number) => Uint8Array;

/** Where structure is likely: half of the time in the first or last kilobytes. */
function place(bytes: Uint8Array, pick: (below: number) => number): number {
  const area = Math.min(bytes.length, 8192);
  const kind = pick(4);
  if (kind === 0) return pick(area);
  if (kind === 1) return bytes.length - 1 - pick(area);
  return pick(bytes.length);
}

const mutations: Readonly<Record<string, Mutation>> = {
  truncate: (bytes, pick) => bytes.slice(0, pick(bytes.length)),
  flip(bytes, pick) {
    const copy = bytes.slice();
    for (let times = 1 + pick(8); times > 0; times--) copy[place(bytes, pick)]! ^= 1 << pick(8);
    return copy;
  },
  lengthField(bytes, pick) {
    const copy = bytes.slice();
    const width = 2 ** pick(4);
    const at =
      Math.min(place(bytes, pick), bytes.length - width) & ~(pick(2) === 0 ? width - 1 : 0);
    let value = absurd[pick(absurd.length)]!;
    for (let i = 0; i < width; i++, value >>= 8n) copy[at + i] = Number(value & 0xffn);
    return copy;
  },
  fill(bytes, pick) {
    const copy = bytes.slice();
    const at = place(bytes, pick);
    copy.fill([0, 255, 32][pick(3)]!, at, at + 1 + pick(64));
    return copy;
  },
  move(bytes, pick) {
    const copy = bytes.slice();
    const from = place(bytes, pick);
    copy.copyWithin(place(bytes, pick), from, from + 1 + pick(256));
    return copy;
  },
  remove(bytes, pick) {
    const at = place(bytes, pick);
    const rest = bytes.slice(at + 1 + pick(64));
    const joined = new Uint8Array(at + rest.length);
    joined.set(bytes.subarray(0, at));
    joined.set(rest, at);
    return joined;
  },
  /** A number somewhere in a text becomes another one. */
  number(bytes, pick) {
    let at = place(bytes, pick);
    while (at < bytes.length && !(bytes[at]! >= 48 && bytes[at]! <= 57)) at++;
    const text = new TextEncoder().encode(absurdTexts[pick(absurdTexts.length)]);
    const copy = bytes.slice();
    copy.set(text.subarray(0, copy.length - at), at);
    return copy;
  },
};

/** Mutations that keep the length: many formats check that first. */
const inPlace = [
  mutations["flip"]!,
  mutations["lengthField"]!,
  mutations["fill"]!,
  mutations["number"]!,
];

/** The file with one to three mutations; JSON mostly stays JSON. */
export function mutate(bytes: Uint8Array, seed: number, isJson: boolean): Uint8Array {
  const next = generator(seed);
  const pick = (below: number): number => Math.floor(next() * below);
  if (isJson && pick(4) > 0) return mutateJson(bytes, pick);
  const all = pick(2) === 0 ? inPlace : Object.values(mutations);
  let mutated = bytes;
  for (let times = 1 + pick(3); times > 0 && mutated.length > 16; times--)
    mutated = all[pick(all.length)]!(mutated, pick);
  return mutated;
}

/** What stands in place of a value. */
const absurdValues: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e9,
  2 ** 53,
  1e308,
  "",
  "x",
  "__proto__",
  "relu",
  [],
  {},
  [null, null],
  [[[[]]]],
  [1e9, 1e9],
  { class_name: "Dense", config: { units: 1e12 } },
  { class_name: "Lambda", config: {} },
];

/** A value somewhere in JSON becomes another one: an absurd one, or one from elsewhere; or it is left out. */
function mutateJson(bytes: Uint8Array, pick: (below: number) => number): Uint8Array {
  const root = JSON.parse(new TextDecoder().decode(bytes)) as object;
  const places: [holder: Record<string, unknown>, key: string][] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      places.push([value as Record<string, unknown>, key]);
      visit(child);
    }
  };
  visit(root);
  for (let times = 1 + pick(3); times > 0; times--) {
    const [holder, key] = places[pick(places.length)]!;
    const [other, from] = places[pick(places.length)]!;
    const kind = pick(4);
    if (kind === 0) delete holder[key];
    else if (kind === 1) holder[key] = structuredClone(other[from]);
    else holder[key] = absurdValues[pick(absurdValues.length)];
  }
  return new TextEncoder().encode(JSON.stringify(root));
}
