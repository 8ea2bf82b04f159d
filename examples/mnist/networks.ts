/**
 * @file The networks of the neural ODE paper's MNIST experiment (Chen et al. 2018, section 3; the layers are those of
 * torchdiffeq's odenet_mnist): two downsamplings, then either six residual blocks or one solve of an ODE, then a classifier.
 */
import { type Tensor, conv2d, ones, random, tensor } from "adjoint";
import * as nn from "adjoint/nn";
import { type StatsReport, odeint, odeintAdjoint } from "adjoint/ode";

/** PyTorch's way to begin: uniform within 1 / sqrt(fan in). */
const begin =
  (fanIn: number): nn.Initializer =>
  (key, shape, dtype) =>
    random.uniform(key, shape, { dtype, min: -1 / Math.sqrt(fanIn), max: 1 / Math.sqrt(fanIn) });

const norm = (channels: number): nn.Layer =>
  nn.groupNorm({ groups: Math.min(32, channels / 2), epsilon: 1e-5 });

interface Conv {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly strides?: number;
  readonly padding?: "valid" | "same";
  readonly useBias?: boolean;
}
const conv = ({ from, to, kernel, ...options }: Conv): nn.Layer =>
  nn.conv2d({
    filters: to,
    kernelSize: kernel,
    kernelInitializer: begin(from * kernel * kernel),
    biasInitializer: begin(from * kernel * kernel),
    ...options,
  });

/** [N, 28, 28, 1] -> [N, 6, 6, filters] */
const downsampling = (filters: number, seed: number): nn.Sequential =>
  nn.sequential(
    [
      conv({ from: 1, to: filters, kernel: 3 }),
      norm(filters),
      nn.relu(),
      nn.zeroPadding2d({ padding: 1 }),
      conv({ from: filters, to: filters, kernel: 4, strides: 2 }),
      norm(filters),
      nn.relu(),
      nn.zeroPadding2d({ padding: 1 }),
      conv({ from: filters, to: filters, kernel: 4, strides: 2 }),
    ],
    { inputShape: [28, 28, 1], seed },
  );

/** [N, 6, 6, filters] -> [N, 10], logits. */
const classifier = (filters: number, seed: number): nn.Sequential =>
  nn.sequential(
    [
      norm(filters),
      nn.relu(),
      nn.globalAveragePool2d(),
      nn.dense({
        units: 10,
        kernelInitializer: begin(filters),
        biasInitializer: begin(filters),
      }),
    ],
    { inputShape: [6, 6, filters], seed },
  );

/**
 * A 3 x 3 convolution of the state with the time as one more channel. That channel is the same everywhere, so its part of the
 * convolution is t times a fixed plane, and the other part keeps its channels: a power of two of them.
 */
class ConcatConv2d extends nn.Module {
  readonly kernel: Tensor; // [3, 3, filters, filters]
  readonly timeKernel: Tensor; // [3, 3, 1, filters]
  readonly bias: Tensor; // [filters]

  constructor(filters: number, key: Tensor) {
    super();
    const [first, second, third] = random.split(key, 3);
    const initial = begin(9 * (filters + 1));
    this.kernel = initial(first, [3, 3, filters, filters], "float32");
    this.timeKernel = initial(second, [3, 3, 1, filters], "float32");
    this.bias = initial(third, [filters], "float32");
  }

  forward(t: Tensor, x: Tensor): Tensor {
    const [, rows, columns] = x.shape as [number, number, number, number];
    const plane = conv2d(ones([1, rows, columns, 1]), this.timeKernel, { padding: "same" });
    return conv2d(x, this.kernel, { padding: "same" }).add(plane.mul(t)).add(this.bias);
  }
}

/** dh/dt = f(t, h), h [N, 6, 6, filters]. */
class Dynamics extends nn.Module {
  readonly norms: readonly nn.Sequential[];
  readonly first: ConcatConv2d;
  readonly second: ConcatConv2d;

  constructor(filters: number, seed: number) {
    super();
    const [first, second] = random.split(random.key(seed));
    this.norms = [0, 1, 2].map(() =>
      nn.sequential([norm(filters)], { inputShape: [6, 6, filters] }),
    );
    this.first = new ConcatConv2d(filters, first);
    this.second = new ConcatConv2d(filters, second);
  }

  forward(t: Tensor, h: Tensor): Tensor {
    const a = this.first.forward(t, this.norms[0]!.forward(h).relu());
    const b = this.second.forward(t, this.norms[1]!.forward(a).relu());
    return this.norms[2]!.forward(b);
  }
}

/** How the ODE is solved and differentiated. */
export interface OdeSetting {
  readonly tolerance: number;
  /**
   * "adjoint": backward by the augmented ODE, in constant memory; "seminorm": the same with the gradients of parameters left
   * out of the error estimate (Kidger, Chen and Lyons 2021); "direct": through the steps of the solve.
   */
  readonly gradient: "adjoint" | "seminorm" | "direct";
  /** Told the counts of every solve. A function, since what a module holds beside tensors is part of its identity. */
  readonly onStats: (stats: StatsReport) => void;
}

/** Downsampling, one solve of an ODE from t = 0 to 1, classifier. */
export class OdeNet extends nn.Module {
  readonly downsampling: nn.Sequential;
  readonly dynamics: Dynamics;
  readonly classifier: nn.Sequential;
  readonly setting: OdeSetting;

  constructor(filters: number, seed: number, setting: OdeSetting) {
    super();
    this.downsampling = downsampling(filters, 3 * seed);
    this.dynamics = new Dynamics(filters, 3 * seed + 1);
    this.classifier = classifier(filters, 3 * seed + 2);
    this.setting = setting;
  }

  forward(x: Tensor): Tensor {
    const { tolerance, gradient, onStats } = this.setting;
    const options = { method: "dopri5", rtol: tolerance, atol: tolerance, onStats };
    const h = this.downsampling.forward(x);
    const times = tensor([0, 1]);
    const states =
      gradient === "direct"
        ? odeint(this.dynamics, h, times, options)
        : odeintAdjoint(this.dynamics, h, times, {
            ...options,
            gradient: { kind: "backsolve", seminorm: gradient === "seminorm" },
          });
    return this.classifier.forward(states.at(-1));
  }
}

/** h + f(h): what an Euler step of size 1 is to the ODE. */
class ResidualBlock extends nn.Module {
  readonly body: nn.Sequential;

  constructor(filters: number, seed: number) {
    super();
    const plain = {
      from: filters,
      to: filters,
      kernel: 3,
      padding: "same",
      useBias: false,
    } as const;
    this.body = nn.sequential(
      [norm(filters), nn.relu(), conv(plain), norm(filters), nn.relu(), conv(plain)],
      { inputShape: [6, 6, filters], seed },
    );
  }

  forward(h: Tensor): Tensor {
    return h.add(this.body.forward(h));
  }
}

/** Downsampling, six residual blocks, classifier. */
export class ResNet extends nn.Module {
  readonly downsampling: nn.Sequential;
  readonly blocks: readonly ResidualBlock[];
  readonly classifier: nn.Sequential;

  constructor(filters: number, seed: number) {
    super();
    this.downsampling = downsampling(filters, 3 * seed);
    this.blocks = Array.from({ length: 6 }, (_, i) => new ResidualBlock(filters, 1000 * seed + i));
    this.classifier = classifier(filters, 3 * seed + 2);
  }

  forward(x: Tensor): Tensor {
    const h = this.blocks.reduce(
      (state, block) => block.forward(state),
      this.downsampling.forward(x),
    );
    return this.classifier.forward(h);
  }
}
