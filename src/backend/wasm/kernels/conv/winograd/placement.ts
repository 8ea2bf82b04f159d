// Where the pixels of a result go: side by side, or, where the epilogue is a copy into another order, as that says.
import type { ConvWork } from "../../../../../ir/kernel.ts";

/** Distances in bytes. */
export interface Placement {
  readonly image: number;
  readonly row: number;
  readonly pixel: number;
  /** Filters that stay together, and where each run of so many begins. */
  readonly run: number;
  readonly places: readonly number[];
}

export function placementOf({ shape, out, epilogue }: ConvWork): Placement {
  const { filters, outHeight, outWidth } = shape;
  const [row, image] = [outWidth * filters, outHeight * outWidth * filters];
  const [load, ...others] = epilogue?.body ?? [];
  const [store] = epilogue?.stores ?? [];
  const plain = { image: 4 * image, row: 4 * row, pixel: 4 * filters, run: filters, places: [0] };
  if (load?.kind !== "load" || load.value !== out || others.length > 0) return plain;
  const axes = epilogue!.extents
    .map((extent, axis) => ({
      extent,
      from: load.view.strides[axis]!,
      to: 4 * store!.view.strides[axis]!,
    }))
    .filter(({ extent }) => extent > 1);
  const stepOf = (from: number): number => axes.find((axis) => axis.from === from)?.to ?? 0;
  const runs = axes.filter(({ from }) => from > 1 && from < filters);
  const places = runs
    .sort((a, b) => b.from - a.from)
    .reduce(
      (starts, { extent, to }) =>
        starts.flatMap((start) => Array.from({ length: extent }, (_, i) => start + i * to)),
      [0],
    );
  return {
    image: stepOf(image),
    row: stepOf(row),
    pixel: stepOf(filters),
    run: filters / places.length,
    places,
  };
}
