// The product of one plane of a convolution: transformed inputs times a plane of the prepared kernel.
import { type ComputedConv, winogradForm } from "../../../../../ir/conv.ts";
import type { FunctionBuilder, Local, WasmModule } from "../../../asm/index.ts";
import { copyOf } from "../../chunks.ts";
import { repeat } from "../../flow.ts";
import { advance } from "../../pointers.ts";
import { evenly, placeAt } from "./chunks.ts";
import { lineBytes, panelFilters, stripTiles, vectorBytes } from "./layout.ts";
import { panelFunction } from "./product.ts";

/** Channels that a product takes at once: a panel of the kernel and a strip stay in the first-level cache. */
const mostDepth = 512;

export interface PlaneOperands {
  /** Addresses of the plane's transformed inputs, of its products and of its part of the kernel. */
  readonly inputs: Local;
  readonly products: Local;
  readonly kernel: Local;
  /** Tiles that a plane has room for. */
  readonly lines: number;
  /** How many strips, at least one. */
  readonly count: Local;
  /** Tiles of one more strip, 0 for none. */
  readonly rest: number;
}

/** Emits the product: each panel of the kernel against all strips. */
export function multiplyPlane(
  module: WasmModule,
  fn: FunctionBuilder,
  work: ComputedConv,
  { inputs, products, kernel, lines, count, rest }: PlaneOperands,
): void {
  const length = winogradForm(work).depth;
  const depth = evenly(length, mostDepth, 4);
  const strip = (length / 4) * lineBytes;
  const [panel, out] = [copyOf(fn, kernel), copyOf(fn, products)];
  repeat(fn, Math.ceil(work.shape.filters / panelFilters), () => {
    for (let done = 0; done < length; done += depth) {
      const k = Math.min(depth, length - done);
      const accumulate = done > 0;
      const multiply = (rows: number, left: Local, to: Local, strips: () => void): void => {
        const spec = { k, order: "rows", accumulate, strip, rows } as const;
        fn.get(left);
        fn.i32(done * vectorBytes);
        fn.op("i32.add");
        fn.get(panel);
        fn.get(to);
        strips();
        fn.call(panelFunction(module, spec));
      };
      multiply(stripTiles, inputs, out, () => fn.get(count));
      if (rest > 0) {
        const last = placeAt(fn, inputs, count, strip);
        const tail = placeAt(fn, out, count, stripTiles * panelFilters * 4);
        multiply(rest, last, tail, () => fn.i32(1));
      }
      advance(fn, panel, k * panelFilters * 4);
    }
    advance(fn, out, lines * panelFilters * 4);
  });
}
