/**
 * @file What every primitive must bring: the types of its outputs and its derivatives, forward and backward.
 * Derivatives are written with the tensor's own methods (`ops/methods.ts` adds them), so they can be differentiated again.
 */
import type { TensorType } from "../ir/graph.ts";
import type { ParamsOf, PrimName } from "../ir/prim.ts";
import type { Tensor } from "../ir/tensor.ts";

/** A derivative that may be known to be zero. */
export type Derivative = Tensor | undefined;

/** What a backward rule may look at. */
export interface VjpContext<P extends PrimName = PrimName> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly params: ParamsOf<P>;
  /** One an output; undefined is zero. At least one is there. */
  readonly cotangents: readonly Derivative[];
  /** The inputs whose cotangents are asked for. */
  readonly wrt: readonly boolean[];
}

/** What a forward rule may look at. */
export interface JvpContext<P extends PrimName = PrimName> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly params: ParamsOf<P>;
  /** One an input; undefined is zero. At least one is there. */
  readonly tangents: readonly Derivative[];
  /** Applies the same primitive to other inputs (and parameters). */
  again(inputs: readonly Tensor[], params?: ParamsOf<P>): Tensor[];
}

/** The bundle a primitive is made of. */
export interface Rules<P extends PrimName = PrimName> {
  /** Types of the outputs; ShapeError or DTypeError naming the primitive where the inputs do not fit. */
  infer(inputs: readonly TensorType[], params: ParamsOf<P>): TensorType[];
  /** False where no derivative ever flows from inputs to outputs: the other rules are then not called. */
  readonly differentiable: boolean;
  /** One cotangent per input; "inline" where the primitive is a graph that is differentiated itself. */
  readonly vjp: ((context: VjpContext<P>) => readonly Derivative[]) | "inline";
  /** One tangent per output; "inline" where the primitive is a graph that is differentiated itself. */
  readonly jvp: ((context: JvpContext<P>) => readonly Derivative[]) | "inline";
}

/**
 * `d` times the partial derivative of an elementwise primitive's output by one operand. The Jacobian is diagonal,
 * so one formula serves both directions.
 */
export type Partial = (d: Tensor, out: Tensor, ...inputs: Tensor[]) => Tensor;

type Infer<P extends PrimName> = Rules<P>["infer"];

/** An elementwise primitive by its partial derivatives, one an operand (null: none flows). */
export function elementwise<P extends PrimName>(
  infer: Infer<P>,
  partials: readonly (Partial | null)[],
): Rules<P> {
  return {
    infer,
    differentiable: true,
    vjp({ inputs, outputs, cotangents, wrt }) {
      const g = cotangents[0]!;
      return partials.map((partial, i) =>
        partial !== null && wrt[i] ? partial(g, outputs[0]!, ...inputs) : undefined,
      );
    },
    jvp({ inputs, outputs, tangents }) {
      let sum: Derivative;
      for (const [i, partial] of partials.entries()) {
        const t = tangents[i];
        if (partial === null || t === undefined) continue;
        const term = partial(t, outputs[0]!, ...inputs);
        sum = sum === undefined ? term : sum.add(term);
      }
      return [sum];
    },
  };
}

/** A linear map of its first input, by its transpose. */
export function linear<P extends PrimName>(
  infer: Infer<P>,
  transpose: (g: Tensor, context: VjpContext<P>) => Tensor,
  forward: (t: Tensor, context: JvpContext<P>) => Derivative = (t, { inputs, again }) =>
    again([t, ...inputs.slice(1)])[0],
): Rules<P> {
  return {
    infer,
    differentiable: true,
    vjp: (context) => [context.wrt[0] ? transpose(context.cotangents[0]!, context) : undefined],
    jvp: (context) => [
      context.tangents[0] === undefined ? undefined : forward(context.tangents[0], context),
    ],
  };
}

/** A map linear in each of two inputs, by its transposes in the one and the other. */
export function bilinear<P extends PrimName>(
  infer: Infer<P>,
  left: (g: Tensor, a: Tensor, b: Tensor, params: ParamsOf<P>) => Tensor,
  right: (g: Tensor, a: Tensor, b: Tensor, params: ParamsOf<P>) => Tensor,
): Rules<P> {
  return {
    infer,
    differentiable: true,
    vjp({ inputs, params, cotangents, wrt }) {
      const [a, b] = inputs as [Tensor, Tensor];
      const g = cotangents[0]!;
      return [
        wrt[0] ? left(g, a, b, params) : undefined,
        wrt[1] ? right(g, a, b, params) : undefined,
      ];
    },
    jvp({ inputs, tangents, again }) {
      const [a, b] = inputs as [Tensor, Tensor];
      const byA = tangents[0] && again([tangents[0], b])[0]!;
      const byB = tangents[1] && again([a, tangents[1]])[0]!;
      return [byA && byB ? byA.add(byB) : (byA ?? byB)];
    },
  };
}

/** A primitive through which no derivative flows: steps, comparisons, integers, random bits. */
export function nondifferentiable<P extends PrimName>(infer: Infer<P>): Rules<P> {
  return {
    infer,
    differentiable: false,
    vjp: ({ inputs }) => inputs.map(() => undefined),
    jvp: ({ outputs }) => outputs.map(() => undefined),
  };
}
