/**
 * @file Maxima of windows, and where they are. The derivative goes to the first largest element of a window in row-major order
 * (a NaN, if there is one): it moves to and from the places that maxPoolIndices gives.
 */
import type { PoolGeometry } from "../../ir/conv.ts";
import { ArgumentError, ShapeError, complaint } from "../../base/errors.ts";
import type { TensorType } from "../../ir/graph.ts";
import { formatShape, sameShape } from "../../ir/shape.ts";
import type { Tensor } from "../../ir/tensor.ts";
import { apply } from "../../ir/trace.ts";
import { arity, floats, requireDType } from "../infer.ts";
import { type Rules, linear, nondifferentiable } from "../rules.ts";
import { requireImages, requirePair, requireWindowCounts, requireWindows } from "./conv-types.ts";

/** Throws ArgumentError unless every window covers a pixel at least. */
export function requireCover(who: string, { window, padding }: PoolGeometry): void {
  if (padding.some((pair, axis) => pair.some((width) => width >= window[axis]!)))
    throw new ArgumentError(
      complaint(
        who,
        "padding smaller than the window",
        `padding ${padding.map(formatShape).join(", ")} for a window ${formatShape(window)}`,
        "A window must cover at least one pixel.",
      ),
    );
}

type Pooling = "maxPool" | "maxPoolIndices";

function inferPool(
  prim: Pooling,
  inputs: readonly TensorType[],
  params: PoolGeometry,
  who: string = prim,
): TensorType[] {
  arity(who, inputs, 1);
  const x = inputs[0]!;
  requireDType(who, x, floats);
  requireImages(who, "images", x);
  const { window } = params;
  requirePair(who, "window", window, 1);
  requireWindows(who, params);
  requireCover(who, params);
  const [rows, columns] = requireWindowCounts(who, x.shape, window, params);
  return [
    {
      shape: [x.shape[0]!, rows, columns, x.shape[3]!],
      dtype: prim === "maxPool" ? x.dtype : "int32",
    },
  ];
}

/** Throws unless the places [N, OH, OW, C] belong to images [N, H, W, C]. */
function requirePlaces(who: string, images: TensorType, places: TensorType): void {
  requireDType(who, places, ["int32"]);
  const [a, b] = [images.shape, places.shape];
  if (b.length !== 4 || a[0] !== b[0] || a[3] !== b[3])
    throw new ShapeError(
      complaint(
        who,
        "images and places of one batch and as many channels",
        `${formatShape(a)} and ${formatShape(b)}`,
      ),
    );
}

function inferPickPlaces(inputs: readonly TensorType[]): TensorType[] {
  arity("pickPlaces", inputs, 2);
  const [x, places] = inputs as [TensorType, TensorType];
  requireDType("pickPlaces", x, floats);
  requireImages("pickPlaces", "images", x);
  requirePlaces("pickPlaces", x, places);
  return [{ shape: places.shape, dtype: x.dtype }];
}

function inferAddAtPlaces(
  inputs: readonly TensorType[],
  { size }: { readonly size: readonly [number, number] },
): TensorType[] {
  arity("addAtPlaces", inputs, 2);
  const [g, places] = inputs as [TensorType, TensorType];
  requireDType("addAtPlaces", g, floats);
  requirePair("addAtPlaces", "size", size, 1);
  requirePlaces("addAtPlaces", g, places);
  if (!sameShape(g.shape, places.shape))
    throw new ShapeError(
      complaint(
        "addAtPlaces",
        "a place for each element",
        `${formatShape(g.shape)} and ${formatShape(places.shape)}`,
      ),
    );
  return [{ shape: [g.shape[0]!, size[0], size[1], g.shape[3]!], dtype: g.dtype }];
}

/** `maxPool` or `maxPoolIndices` of x [N, H, W, C]. ShapeError, DTypeError or ArgumentError name `who`. */
export function applyPool(prim: Pooling, x: Tensor, params: PoolGeometry, who?: string): Tensor {
  return apply(prim, params, [x], inferPool(prim, [x], params, who))[0]!;
}

const pick = (x: Tensor, places: Tensor): Tensor =>
  apply("pickPlaces", {}, [x, places], inferPickPlaces([x, places]))[0]!;

function addAt(g: Tensor, places: Tensor, { shape }: Tensor): Tensor {
  const params = { size: [shape[1]!, shape[2]!] as const };
  return apply("addAtPlaces", params, [g, places], inferAddAtPlaces([g, places], params))[0]!;
}

type PoolPrim = Pooling | "pickPlaces" | "addAtPlaces";

/** Rules of pooling. */
export const poolRules: { [P in PoolPrim]: Rules<P> } = {
  maxPool: {
    infer: (inputs, params) => inferPool("maxPool", inputs, params),
    differentiable: true,
    vjp: ({ inputs: [x], params, cotangents }) => [
      addAt(cotangents[0]!, applyPool("maxPoolIndices", x!, params), x!),
    ],
    jvp: ({ inputs: [x], params, tangents }) => [
      pick(tangents[0]!, applyPool("maxPoolIndices", x!, params)),
    ],
  },
  maxPoolIndices: nondifferentiable((inputs, params) =>
    inferPool("maxPoolIndices", inputs, params),
  ),
  pickPlaces: linear(inferPickPlaces, (g, { inputs: [x, places] }) => addAt(g, places!, x!)),
  addAtPlaces: linear(inferAddAtPlaces, (d, { inputs }) => pick(d, inputs[1]!)),
};
