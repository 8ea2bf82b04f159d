// The network of a fit: a vector field on standardised states, and what multiple shooting learns beside it.
import { type Tensor, tensor } from "../../index.ts";
import * as nn from "../../nn/index.ts";
import { type Architecture, type Weight, weightShapes } from "./model-file.ts";

/** dz/dtau = net(z): autonomous, so that a forecast does not leave the times it was trained on. */
export class Dynamics extends nn.Module {
  readonly net: nn.Sequential;

  constructor(width: number, architecture: Architecture, seed: number) {
    super();
    const { hidden, activation, hiddenStates } = architecture;
    const size = width + hiddenStates;
    this.net = nn.sequential(
      [...hidden.map((units) => nn.dense({ units, activation })), nn.dense({ units: size })],
      { inputShape: [size], seed },
    );
  }

  /** z [..., states] -> dz/dtau, of the same shape. */
  forward(_t: Tensor, z: Tensor): Tensor {
    return this.net.forward(z);
  }
}

/** The vector field and, for every window, how far its start lies from the guess: [windows, states]. */
export class Shooting extends nn.Module {
  readonly dynamics: Dynamics;
  readonly shifts: Tensor;

  constructor(dynamics: Dynamics, shifts: Tensor) {
    super();
    this.dynamics = dynamics;
    this.shifts = shifts;
  }
}

/** The parameters of a vector field as they are written to files. */
export function weightsOf(dynamics: Dynamics): Weight[] {
  return dynamics.namedParameters().map(([name, parameter]) => ({
    name,
    shape: [...parameter.shape],
    data: Float32Array.from(parameter.data() as Float32Array),
  }));
}

/** A vector field with the parameters of a file. */
export function dynamicsFrom(
  width: number,
  architecture: Architecture,
  weights: readonly Weight[],
): Dynamics {
  const shapes = weightShapes(width, architecture);
  const dynamics = new Dynamics(width, architecture, 0);
  dynamics.net.layers.forEach((layer, i) => {
    const dense = layer as nn.Dense;
    dense.kernel = tensor(weights[2 * i]!.data, { shape: shapes[2 * i]! });
    dense.bias = tensor(weights[2 * i + 1]!.data, { shape: shapes[2 * i + 1]! });
  });
  return dynamics;
}
