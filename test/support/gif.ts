/** @file A reader of GIF files as far as tests need one (GIF89a specification; variable-length codes after Welch 1984). */

export interface GifFrame {
  /** Hundredths of a second. */
  readonly delay: number;
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

export interface Gif {
  readonly frames: readonly GifFrame[];
  /** How often the frames are repeated, 0 for ever; undefined: not at all. */
  readonly repeat: number | undefined;
}

export function readGif(bytes: Uint8Array): Gif {
  const u16 = (at: number): number => bytes[at]! + 256 * bytes[at + 1]!;
  const colours = (flags: number): number => (flags & 128 ? 3 * 2 ** (1 + (flags & 7)) : 0);
  if (new TextDecoder().decode(bytes.subarray(0, 6)) !== "GIF89a") throw new Error("not GIF89a");
  let at = 13;
  const shared = bytes.subarray(at, (at += colours(bytes[10]!)));
  const blocks = (): Uint8Array => {
    const parts: number[] = [];
    for (let size = bytes[at++]!; size > 0; size = bytes[at++]!)
      parts.push(...bytes.subarray(at, (at += size)));
    return Uint8Array.from(parts);
  };
  const frames: GifFrame[] = [];
  let repeat: number | undefined;
  let delay = 0;
  for (;;) {
    const kind = bytes[at++];
    if (kind === 0x3b) return { frames, repeat };
    if (kind === 0x21) {
      const extension = bytes[at++];
      const body = blocks();
      if (extension === 0xf9) delay = body[1]! + 256 * body[2]!;
      if (extension === 0xff) repeat = body[12]! + 256 * body[13]!;
    } else if (kind === 0x2c) {
      const [width, height, flags] = [u16(at + 4), u16(at + 6), bytes[at + 8]!];
      at += 9;
      const own = bytes.subarray(at, (at += colours(flags)));
      const palette = own.length > 0 ? own : shared;
      const codeSize = bytes[at++]!;
      const indices = expand(blocks(), codeSize);
      const rgb = Uint8Array.from(indices.flatMap((i) => [...palette.subarray(3 * i, 3 * i + 3)]));
      frames.push({ delay, width, height, rgb });
    } else throw new Error(`block ${kind} at ${at - 1}`);
  }
}

function expand(codes: Uint8Array, codeSize: number): number[] {
  const [clear, end] = [2 ** codeSize, 2 ** codeSize + 1];
  const out: number[] = [];
  let table: number[][] = [];
  let bits = codeSize + 1;
  let before: number[] | undefined;
  for (let at = 0; ;) {
    let code = 0;
    for (let bit = 0; bit < bits; bit++, at++) code |= ((codes[at >> 3]! >> (at & 7)) & 1) << bit;
    if (code === end) return out;
    if (code === clear) {
      table = Array.from({ length: end + 1 }, (_, i) => [i]);
      bits = codeSize + 1;
      before = undefined;
      continue;
    }
    const entry: number[] = table[code] ?? [...before!, before![0]!];
    if (before !== undefined && table.length < 4096) table.push([...before, entry[0]!]);
    if (table.length === 2 ** bits && bits < 12) bits++;
    out.push(...entry);
    before = entry;
  }
}
