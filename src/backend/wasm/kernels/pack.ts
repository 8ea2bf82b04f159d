// Copies an operand's panel into scratch memory, so that the tile walks through it without jumps.
import type { FunctionBuilder, Local, WasmModule } from "../asm/index.ts";
import { repeat, sharedFunction } from "./flow.ts";
import { type Lanes, lanesOf, loadLanes, vectorWidths } from "./lanes.ts";
import { advance } from "./pointers.ts";
import { transpose } from "./transpose.ts";
import type { Steps } from "./tile.ts";

/** A panel: `k` lines of `width` elements, packed to lines of `panel` elements (whole vectors, the rest zero). */
export interface PanelSpec {
  readonly dtype: "float32" | "float64";
  readonly k: number;
  readonly width: number;
  readonly panel: number;
  /** Steps of the operand in memory: `row` between lines (k), `column` along a line. */
  readonly from: Steps;
}

const unroll = 4;

/** A function (from, to: addresses) -> nothing that packs one panel. */
export function packFunction(module: WasmModule, spec: PanelSpec): FunctionBuilder {
  const { dtype, k, width, panel, from } = spec;
  const name = `pack_${dtype}_${k}x${width}_${panel}_${from.row}_${from.column}`;
  return sharedFunction(module, name, { params: ["i32", "i32"], results: [] }, (fn) =>
    emitPack(fn, spec),
  );
}

function emitPack(fn: FunctionBuilder, spec: PanelSpec): void {
  const { k, width, panel, from } = spec;
  const lanes = lanesOf(spec.dtype);
  const [source, target] = [fn.param(0), fn.param(1)];
  const lowest = Math.min(0, (width - 1) * from.column) * lanes.bytes;
  advance(fn, source, lowest);

  const line = (u: number): void => {
    const up = from.row > 0 ? u * from.row * lanes.bytes : 0;
    let done = 0;
    for (const part of vectorWidths(lanes, width)) {
      fn.get(target);
      loadLanes(
        fn,
        lanes,
        source,
        up + done * from.column * lanes.bytes - lowest,
        part,
        from.column * lanes.bytes,
      );
      fn.store("v128.store", (u * panel + done) * lanes.bytes, lanes.bytes);
      done += lanes.count;
    }
    if (from.row < 0) advance(fn, source, from.row * lanes.bytes);
  };
  const group = (count: number, body: () => void): void => {
    body();
    if (from.row > 0) advance(fn, source, count * from.row * lanes.bytes);
    advance(fn, target, count * panel * lanes.bytes);
  };
  const lines = (count: number): void => {
    group(count, () => {
      for (let u = 0; u < count; u++) line(u);
    });
  };

  // Lines across the memory's order: square blocks are read along it and turned around in registers.
  const turned = from.row === 1 && from.column !== 1 && width % lanes.count === 0;
  const block = turned ? lanes.count : unroll;
  const rounds = Math.floor(k / block);
  repeat(fn, rounds, () => {
    if (!turned) return lines(block);
    group(block, () => {
      for (let done = 0; done < width; done += lanes.count) {
        const base = done * from.column * lanes.bytes - lowest;
        turnBlock(
          fn,
          lanes,
          source,
          base,
          from.column * lanes.bytes,
          target,
          done * lanes.bytes,
          panel * lanes.bytes,
        );
      }
    });
  });
  if (k % block > 0) lines(k % block);
}

/** Reads a square of vectors `readStep` bytes apart and stores its transpose, `writeStep` bytes apart. */
function turnBlock(
  fn: FunctionBuilder,
  lanes: Lanes,
  source: Local,
  readAt: number,
  readStep: number,
  target: Local,
  writeAt: number,
  writeStep: number,
): void {
  const columns = Array.from({ length: lanes.count }, (_, i) => {
    const vector = fn.local("v128");
    loadLanes(fn, lanes, source, readAt + i * readStep, lanes.count);
    fn.set(vector);
    return vector;
  });
  transpose(fn, lanes, columns).forEach((row, i) => {
    fn.get(target);
    fn.get(row);
    fn.store("v128.store", writeAt + i * writeStep, lanes.bytes);
  });
}
