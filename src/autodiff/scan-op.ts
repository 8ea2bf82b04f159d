/**
 * @file The host operation of `scan`, and its derivatives: backward it is a scan the other way over the carries that the
 * forward one saved, forward a scan over pairs of values and tangents. Both are scans again, so they differentiate again.
 */
import { isFloat, kernelBytes } from "../ir/dtype.ts";
import { type Graph, type TensorType, typeOf } from "../ir/graph.ts";
import type { HostContext, HostOp, HostRun, Pointer } from "../ir/host.ts";
import { sizeOf } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { trace } from "../ir/trace.ts";
import { bind } from "../ops/bind.ts";
import { zeros, zerosLike } from "../ops/creation.ts";
import type { Derivative } from "../ops/rules.ts";
import { at, concat, reshape } from "../ops/shaping.ts";
import { graphKey } from "./graph-key.ts";
import { inline } from "./inline.ts";
import { jvpGraph } from "./jvp-graph.ts";
import { vjpGraph } from "./vjp-graph.ts";

/** One step as a graph: [carry..., x..., constants...] -> [carry..., y...]. */
interface Body {
  readonly graph: Graph;
  readonly carries: number;
  readonly xs: number;
  readonly length: number;
  readonly reverse: boolean;
  /** Whether the last ys are the carries that each step began with. */
  readonly saves: boolean;
}

/** Final carries, and each step's y stacked along a new first axis. */
export interface ScanResult {
  readonly carry: Tensor[];
  readonly ys: Tensor[];
}

/** A step on leaves: carry and x -> carry and y. */
export type ScanStep = (
  carry: Tensor[],
  x: Tensor[],
) => { readonly carry: readonly Tensor[]; readonly ys: readonly Tensor[] };

/** `scan` on leaves. The step's carries must have the types of `init`; the xs have `length` as first extent. */
export function scanLeaves(
  step: ScanStep,
  init: readonly Tensor[],
  xs: readonly Tensor[],
  length: number,
  reverse: boolean,
): ScanResult {
  const types = [
    ...init.map(typeOf),
    ...xs.map(({ shape, dtype }) => ({ shape: shape.slice(1), dtype })),
  ];
  const { graph, captured } = trace((...given) => {
    const out = step(given.slice(0, init.length), given.slice(init.length));
    return [...out.carry, ...out.ys];
  }, types);
  return run({ graph, carries: init.length, xs: xs.length, length, reverse, saves: false }, [
    ...init,
    ...xs,
    ...captured,
  ]);
}

function run(body: Body, inputs: readonly Tensor[]): ScanResult {
  const outputs = bind("host", inputs, { op: scanOp(body) });
  return { carry: outputs.slice(0, body.carries), ys: outputs.slice(body.carries) };
}

function scanOp(body: Body): HostOp {
  let key: string | undefined;
  const { graph, carries, length, reverse, saves } = body;
  const op: HostOp = {
    name: "scan",
    outputs: graph.outputs.map((type, i): TensorType =>
      i < carries ? typeOf(type) : { shape: [length, ...type.shape], dtype: type.dtype },
    ),
    // Only asked for outside of compiled functions, and long: made when it is.
    get key() {
      return (key ??= `scan ${length} ${reverse} ${carries} ${body.xs} ${graphKey(graph)}`);
    },
    recording: () => (saves ? op : scanOp(saving(body))),
    vjp(inputs, outputs, cotangents, wrt) {
      if (saves) return backward(body, inputs, outputs, cotangents, wrt);
      const again = bind("host", inputs, { op: scanOp(saving(body)) });
      return backward(saving(body), inputs, again, cotangents, wrt);
    },
    jvp: (inputs, _, tangents) => forward(body, inputs, tangents),
    unroll: (inputs) => unroll(body, inputs),
    prepare: (context) => prepare(body, context),
  };
  return op;
}

/** The steps one after another. */
function unroll(
  { graph, carries, xs, length, reverse }: Body,
  inputs: readonly Tensor[],
): Tensor[] {
  const constants = inputs.slice(carries + xs);
  const ys: Tensor[][] = [];
  let carry = inputs.slice(0, carries);
  for (let step = 0; step < length; step++) {
    const index = reverse ? length - 1 - step : step;
    const x = inputs.slice(carries, carries + xs).map((row) => at(row, index));
    const outputs = inline(graph, [...carry, ...x, ...constants]);
    carry = outputs.slice(0, carries);
    ys[index] = outputs.slice(carries);
  }
  const stacked = graph.outputs
    .slice(carries)
    .map((type, i) =>
      length === 0
        ? zeros([0, ...type.shape], { dtype: type.dtype })
        : concat(ys.map((row) => reshape(row[i]!, [1, ...type.shape]))),
    );
  return [...carry, ...stacked];
}

/** The same steps, with the carry that each began with as further ys. */
function saving(body: Body): Body {
  const { graph, carries } = body;
  return {
    ...body,
    graph: { ...graph, outputs: [...graph.outputs, ...graph.inputs.slice(0, carries)] },
    saves: true,
  };
}

const floats = (values: readonly TensorType[]): boolean[] =>
  values.map(({ dtype }) => isFloat(dtype));
const pick = <T>(list: readonly T[], mask: readonly unknown[]): T[] =>
  list.filter((_, i) => mask[i]);
/** One entry a place of the mask: the next of `list` where it holds. */
function spread<T>(list: readonly T[], mask: readonly unknown[]): (T | undefined)[] {
  let next = 0;
  return mask.map((holds) => (holds ? list[next++] : undefined));
}
const orZeros = (list: readonly Derivative[], like: readonly TensorType[]): Tensor[] =>
  list.map((derivative, i) => derivative ?? zeros(like[i]!.shape, { dtype: like[i]!.dtype }));

/** Cotangents of carries and constants run backwards; those of the xs are the ys of that run. */
function backward(
  body: Body,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  cotangents: readonly Derivative[],
  asked: readonly boolean[] = inputs.map(() => true),
): Derivative[] {
  const { graph, carries, xs, length, reverse } = body;
  const constants = inputs.slice(carries + xs);
  // Carries always matter: one that starts fixed may be moved by a later step.
  const wrt = floats(graph.inputs).map((float, i) => float && (i < carries || asked[i] === true));
  const [wrtCarry, wrtX, wrtConstant] = [
    wrt.slice(0, carries),
    wrt.slice(carries, carries + xs),
    wrt.slice(carries + xs),
  ];
  const saved = outputs.slice(-carries || outputs.length);
  const slices = inputs.slice(carries, carries + xs);
  const fromYs = graph.outputs
    .slice(carries)
    .map((type, i) => (isFloat(type.dtype) ? cotangents[carries + i] : undefined));
  const movingConstants = pick(constants, wrtConstant);
  const initial = [
    ...orZeros(pick(cotangents.slice(0, carries), wrtCarry), pick(graph.inputs, wrtCarry)),
    ...movingConstants.map(zerosLike),
  ];
  const count = initial.length - movingConstants.length;
  const result = scanLeaves(
    (carried, given) => {
      const values = [...given.slice(0, carries + xs), ...constants];
      const { pullback } = vjpGraph(graph, values, wrt);
      const toYs = spread(given.slice(carries + xs), fromYs);
      const found = pullback([...spread(carried.slice(0, count), wrtCarry), ...toYs]);
      const toConstants = pick(found.slice(carries + xs), wrtConstant);
      return {
        carry: [
          ...orZeros(pick(found.slice(0, carries), wrtCarry), pick(graph.inputs, wrtCarry)),
          ...carried
            .slice(count)
            .map((sum, i) => (toConstants[i] === undefined ? sum : sum.add(toConstants[i]))),
        ],
        ys: orZeros(
          pick(found.slice(carries, carries + xs), wrtX),
          pick(graph.inputs.slice(carries), wrtX),
        ),
      };
    },
    initial,
    [...saved, ...slices, ...fromYs.filter((cotangent) => cotangent !== undefined)],
    length,
    !reverse,
  );
  return [
    ...spread(result.carry.slice(0, count), wrtCarry),
    ...spread(result.ys, wrtX),
    ...spread(result.carry.slice(count), wrtConstant),
  ];
}

/** Values and tangents side by side. Every float carry gets a tangent: it may start to move at any step. */
function forward(
  body: Body,
  inputs: readonly Tensor[],
  tangents: readonly Derivative[],
): Derivative[] {
  const { graph, carries, xs, length, reverse } = body;
  const moving = floats(graph.inputs.slice(0, carries));
  const constants = inputs.slice(carries + xs);
  const constantTangents = tangents.slice(carries + xs);
  const xTangents = tangents.slice(carries, carries + xs);
  const initialTangents = orZeros(pick(tangents.slice(0, carries), moving), pick(inputs, moving));
  const movingYs = floats(graph.outputs.slice(carries));
  const result = scanLeaves(
    (carried, given) => {
      const along = [
        ...spread(carried.slice(carries), moving),
        ...spread(given.slice(xs), xTangents),
        ...constantTangents,
      ];
      const out = jvpGraph(
        graph,
        [...carried.slice(0, carries), ...given.slice(0, xs), ...constants],
        along,
      );
      return {
        carry: [
          ...out.outputs.slice(0, carries),
          ...orZeros(pick(out.tangents.slice(0, carries), moving), pick(graph.inputs, moving)),
        ],
        ys: orZeros(
          pick(out.tangents.slice(carries), movingYs),
          pick(graph.outputs.slice(carries), movingYs),
        ),
      };
    },
    [...inputs.slice(0, carries), ...initialTangents],
    [
      ...inputs.slice(carries, carries + xs),
      ...xTangents.filter((tangent) => tangent !== undefined),
    ],
    length,
    reverse,
  );
  return [...spread(result.carry.slice(carries), moving), ...spread(result.ys, movingYs)];
}

const bytesOf = ({ shape, dtype }: TensorType): number => sizeOf(shape) * kernelBytes[dtype];

/** The loop: carries alternate between two blocks; the first step reads the inputs, the last writes the outputs. */
function prepare({ graph, carries, xs, length, reverse }: Body, context: HostContext): HostRun {
  const step = context.compile(graph, "scan step");
  const carryTypes = graph.inputs.slice(0, carries);
  const blocks = [0, 1].map(() => carryTypes.map((type) => context.allocate(typeOf(type))));
  const carryBytes = carryTypes.map(bytesOf);
  const xBytes = graph.inputs.slice(carries, carries + xs).map(bytesOf);
  const yBytes = graph.outputs.slice(carries).map(bytesOf);
  return (inputs: readonly Pointer[], outputs: readonly Pointer[]) => {
    if (length === 0)
      for (let i = 0; i < carries; i++) context.copy(outputs[i]!, inputs[i]!, carryBytes[i]!);
    for (let i = carries + xs; i < inputs.length; i++) step.bindInput(i, inputs[i]!);
    for (let k = 0; k < length; k++) {
      const t = reverse ? length - 1 - k : k;
      for (let i = 0; i < carries; i++) {
        step.bindInput(i, k === 0 ? inputs[i]! : blocks[(k - 1) & 1]![i]!);
        step.bindOutput(i, k === length - 1 ? outputs[i]! : blocks[k & 1]![i]!);
      }
      for (let i = 0; i < xs; i++)
        step.bindInput(carries + i, inputs[carries + i]! + t * xBytes[i]!);
      for (let i = 0; i < yBytes.length; i++)
        step.bindOutput(carries + i, outputs[carries + i]! + t * yBytes[i]!);
      step.run();
    }
  };
}
