/**
 * @file The closed vocabulary of primitives on one page, with the type of each one's parameters.
 * What a primitive means and how it differentiates stands in `ops/prims/<family>.ts`.
 */
import type { ConvAlgorithm, ConvGeometry, PoolGeometry } from "./conv.ts";
import type { DType } from "./dtype.ts";
import type { HostOp } from "./host.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";
import type { AnyGraph } from "./value.ts";

/** Elementwise, one operand of a float dtype (neg, abs, sign also int32). */
export const unaryPrims = [
  "neg",
  "abs",
  "sign",
  "floor",
  "ceil",
  "round",
  "sqrt",
  "exp",
  "expm1",
  "log",
  "log1p",
  "sin",
  "cos",
  "tan",
  "atan",
  "tanh",
  "erf",
] as const;
/** Elementwise, two operands of one shape and dtype. `max`/`min` propagate NaN; `rem` has the sign of the dividend. */
export const binaryPrims = ["add", "sub", "mul", "div", "rem", "pow", "max", "min"] as const;
/** Elementwise, two operands of one shape and dtype, result bool. */
export const comparePrims = ["eq", "ne", "lt", "le", "gt", "ge"] as const;
/** Elementwise on bool. */
export const logicalPrims = ["and", "or", "not"] as const;
/** Reductions over `axes`, which vanish from the shape. */
export const reducePrims = ["reduceSum", "reduceProd", "reduceMax", "reduceMin"] as const;
/** Only the indexing changes: no kernel of their own where a strided view will do. */
export const viewPrims = ["reshape", "transpose", "broadcast", "slice", "flip"] as const;

export type UnaryPrim = (typeof unaryPrims)[number];
export type BinaryPrim = (typeof binaryPrims)[number];
export type ComparePrim = (typeof comparePrims)[number];
export type LogicalPrim = (typeof logicalPrims)[number];
export type ReducePrim = (typeof reducePrims)[number];
export type ViewPrim = (typeof viewPrims)[number];

/** Primitives without parameters. */
export type NoParams = Record<never, never>;

/** What a composite was called with besides tensors, by the names that its function gives them. */
export type Attributes = Readonly<Record<string, Attribute>>;
/** One of them. */
export type Attribute = number | boolean | string | undefined | readonly Attribute[];

/** Parameters of the primitives that have some. */
export interface PrimParams {
  /** [] -> a literal, the same everywhere. */
  constant: { readonly value: number; readonly shape: Shape; readonly dtype: DType };
  /** [] -> 0, 1, 2, ... along `axis`. */
  iota: { readonly shape: Shape; readonly axis: number; readonly dtype: DType };
  /** x -> x in another dtype. float -> int32 truncates and saturates; anything -> bool is x != 0. */
  cast: { readonly dtype: DType };
  /** int32 x -> x >>> bits. */
  shiftRight: { readonly bits: number };
  /** x -> x, through which no derivative flows. */
  stopGradient: NoParams;
  /** bool c, a, b -> c ? a : b, all of one shape. */
  select: NoParams;
  reduceSum: { readonly axes: readonly number[] };
  reduceProd: { readonly axes: readonly number[] };
  reduceMax: { readonly axes: readonly number[] };
  reduceMin: { readonly axes: readonly number[] };
  /** x -> int32 index of the first largest element along `axis` (NaN counts as largest). */
  argMax: { readonly axis: number };
  argMin: { readonly axis: number };
  /** x -> running sum along `axis`, from the end when `reverse`. */
  cumSum: { readonly axis: number; readonly reverse: boolean };
  /** a [...batch, M, K], b [...batch, K, N] of equal batch -> [...batch, M, N]. */
  matmul: NoParams;
  /** x [N, H, W, C], kernel [KH, KW, C / groups, F] -> [N, OH, OW, F]: cross-correlation, channels last. */
  conv: ConvGeometry;
  /** x [N, H, W, C], g [N, OH, OW, F] -> the kernel's gradient [KH, KW, C / groups, F], for g that of `conv`'s output. */
  convFilter: ConvGeometry & { readonly kernel: readonly [number, number] };
  /** kernel [KH, KW, C / groups, F] -> [size], laid out as a backend likes it for `preparedConv`: made by the compiler. */
  prepareKernel: ConvGeometry & { readonly prepared: ConvAlgorithm; readonly size: number };
  /** x, prepared kernel -> what `conv` gives for the kernel of shape `kernel`: made by the compiler. */
  preparedConv: ConvGeometry & {
    readonly prepared: ConvAlgorithm;
    readonly kernel: readonly [number, number, number, number];
  };
  /** x [N, H, W, C] -> the largest element of each window; padding never wins, NaN always. */
  maxPool: PoolGeometry;
  /** x [N, H, W, C] -> int32 place h * W + w of the first largest element of each window. */
  maxPoolIndices: PoolGeometry;
  /** x [N, H, W, C], int32 places [N, OH, OW, C] -> x at those places of its own sample and channel. */
  pickPlaces: NoParams;
  /** g [N, OH, OW, C], int32 places of its shape -> zeros [N, H, W, C] with g added at the places: the transpose of pickPlaces. */
  addAtPlaces: { readonly size: readonly [number, number] };
  /** x -> x in memory of its own: made by the compiler, where a kernel or a caller needs that. */
  copy: NoParams;
  reshape: { readonly shape: Shape };
  /** Output axis i is input axis perm[i]. */
  transpose: { readonly perm: readonly number[] };
  /** Extents of the input, counted from the last axis, are 1 or the output's; leading axes may be new. */
  broadcast: { readonly shape: Shape };
  /** Elements start, start + step, ... below stop on every axis; step >= 1. */
  slice: {
    readonly start: readonly number[];
    readonly stop: readonly number[];
    readonly step: readonly number[];
  };
  /** Reverses the order along each of `axes`. */
  flip: { readonly axes: readonly number[] };
  /** `low` and `high` (both >= 0) elements of `value` around, `interior` between neighbours, on every axis. */
  pad: {
    readonly low: readonly number[];
    readonly high: readonly number[];
    readonly interior: readonly number[];
    readonly value: number;
  };
  concat: { readonly axis: number };
  /** x, int32 i -> x[..., i, ...]: `axis` is replaced by i's axes. Indices outside are clamped to the nearest end. */
  gather: { readonly axis: number };
  /** updates, int32 i -> zeros of extent `size` on `axis` with the updates added: the transpose of gather, clamping as it does. */
  scatterAdd: { readonly axis: number; readonly size: number };
  /** int32 key [2] -> int32 random bits: Threefry-2x32 with 20 rounds (Salmon et al. 2011) over the element's index. */
  randomBits: { readonly shape: Shape };
  /**
   * A function of several primitives under its own name (`softmax`, `batchNorm`, ...), so that exporters and explanations can look it
   * up. Derivatives go through its graph; it is inlined before anything runs.
   */
  composite: { readonly name: string; readonly attributes: Attributes; readonly graph: AnyGraph };
  /** A graph applied as one node, with its own backward rule: `customVjp`. Inlined before anything runs. */
  call: { readonly graph: AnyGraph; readonly vjp: CallVjp; readonly name: string };
  /** An operation run by the host between compiled segments: solves and scans. */
  host: { readonly op: HostOp };
}

/** Backward rule of `call`: inputs, outputs and one cotangent an output (undefined: zero) -> one cotangent an input (undefined: none). */
export type CallVjp = (
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  cotangents: readonly (Tensor | undefined)[],
) => readonly (Tensor | undefined)[];

export type PrimName = UnaryPrim | BinaryPrim | ComparePrim | LogicalPrim | keyof PrimParams;
export type ParamsOf<P extends PrimName> = P extends keyof PrimParams ? PrimParams[P] : NoParams;

const elementwise: ReadonlySet<string> = new Set([
  ...unaryPrims,
  ...binaryPrims,
  ...comparePrims,
  ...logicalPrims,
  "cast",
  "shiftRight",
  "select",
  "stopGradient",
]);
const oneInstruction: ReadonlySet<string> = new Set([
  "neg",
  "abs",
  "sign",
  "floor",
  "ceil",
  "round",
  "sqrt",
]);
const transcendental: ReadonlySet<string> = new Set([
  ...unaryPrims.filter((prim) => !oneInstruction.has(prim)),
  "pow",
]);
const reduce: ReadonlySet<string> = new Set(reducePrims);
const view: ReadonlySet<string> = new Set(viewPrims);

/** Dear: a polynomial or more an element. */
export const isTranscendental = (prim: string): boolean => transcendental.has(prim);
/** One output element from the operands' elements at the same index. */
export const isElementwise = (prim: PrimName): boolean => elementwise.has(prim);
export const isReduce = (prim: PrimName): prim is ReducePrim => reduce.has(prim);
export const isView = (prim: PrimName): prim is ViewPrim => view.has(prim);
