// pickPlaces: elements read where places point, each channel its own.
import type { Value } from "../../../../ir/graph.ts";
import type { PhasedEmitter } from "../../emit.ts";
import { addScaled, copyOf } from "../chunks.ts";
import type { DirectWork } from "../direct.ts";
import { repeat } from "../flow.ts";
import { storeLanes } from "../lanes.ts";
import { advance, pointAt, pointerTo } from "../pointers.ts";
import { forRows, forVectors, rowChunks } from "../sliding.ts";
import { Addresses, extentsOf, floatsOf } from "./addresses.ts";

/** About how long an element takes, in nanoseconds. */
const eachElement = 0.5;

export const emitPickPlaces: PhasedEmitter<DirectWork> = (context, work) => {
  const [x, places] = work.node.inputs as readonly [Value, Value];
  const images = extentsOf(x);
  const [batch, rows, columns, channels] = extentsOf(places);
  if (batch * rows * columns * channels === 0) return;
  const lanes = floatsOf(x);
  const row = columns * channels;
  const chunks = rowChunks(batch * rows, row * eachElement);
  context.phase(chunks.count, ({ fn, chunk }) => {
    const source = pointerTo(context, fn, work.inputs[0] as Value);
    const indices = pointerTo(context, fn, work.inputs[1] as Value);
    const out = pointerTo(context, fn, work.out);
    const addresses = new Addresses(fn, lanes, images);
    const found = fn.local("v128");
    forRows(fn, chunk, chunks, rows, (sample, _row, index) => {
      const image = copyOf(fn, source);
      addScaled(fn, image, sample, images[1] * images[2] * channels * lanes.bytes);
      const place = copyOf(fn, indices);
      addScaled(fn, place, index, row * 4);
      const to = copyOf(fn, out);
      addScaled(fn, to, index, row * lanes.bytes);
      const channel = fn.local("i32");
      repeat(fn, columns, () => {
        pointAt(fn, channel, image);
        forVectors(fn, lanes, channels, [], (width) => {
          addresses.find(place, channel, width);
          addresses.load(width);
          fn.set(found);
          storeLanes(fn, lanes, to, 0, width, found);
          advance(fn, place, 4 * width);
          advance(fn, channel, lanes.bytes * width);
          advance(fn, to, lanes.bytes * width);
        });
      });
    });
  });
};
