/** @file A layer as a row of a summary. */
import type { AnyLayer } from "./layer.ts";
import { snakeCase } from "./names.ts";
import type { ShapeOrList } from "./shapes.ts";
import type { SummaryRow } from "./summary.ts";

/** The row of a layer, with those of the layers within it if it is a model. */
export function rowOf(layer: AnyLayer): SummaryRow {
  const within = layer as { summaryRows?(): SummaryRow[] };
  return {
    name: layer.name ?? snakeCase(layer.className),
    className: layer.className,
    outputShape: layer.outputShape as ShapeOrList | undefined,
    layer,
    ...(within.summaryRows && { rows: within.summaryRows() }),
  };
}
