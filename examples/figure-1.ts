/**
 * @file Figure 1 of the neural ODE paper (Chen et al. 2018) drawn anew: a residual network defines a sequence of finite
 * transformations, an ODE network a vector field that carries the state continuously. Both are trained on the same task.
 * Run it with `npx tsx examples/figure-1.ts --out figure-1.png --svg figure-1.svg`.
 */
import { writeFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Tensor, tensor } from "adjoint";
import { solve } from "adjoint/ode";
import { type Panel, type Path, figure, png } from "./figure-1/draw.ts";
import { Flow, ResidualNetwork, depth, train } from "./figure-1/networks.ts";

const inputs = Array.from({ length: 21 }, (_, i) => -5 + i / 2);
const grid = Array.from({ length: 23 }, (_, i) => -5.25 + (10.5 * i) / 22);
const column = (values: readonly number[]): Tensor => tensor(values.map((value) => [value]));

/** Straight lines from layer to layer. */
function discrete(model: ResidualNetwork): Panel {
  const states = model.states(column(inputs)).map((state) => state.data());
  const paths = inputs.map((input, i): Path => {
    const curve = states.map((state, k) => ({ hidden: state[i]!, depth: k }));
    return { input, curve, evaluated: curve.slice(0, -1) };
  });
  const field = model.layers.flatMap((layer, k) => {
    const slopes = layer.forward(column(grid)).data();
    return grid.map((hidden, i) => ({ hidden, depth: k, slope: slopes[i]! }));
  });
  return { title: "Residual network", paths, field };
}

/** Curves, each solved on its own: the solver's steps are where that one needs them. */
function continuous(model: Flow): Panel {
  const paths = inputs.map((input): Path => {
    const options = { t0: 0, t1: depth, method: "dopri5", rtol: 1e-3, atol: 1e-3 } as const;
    const solution = solve(model, column([input]), { ...options, saveAt: { dense: true } });
    const at = (t: number) => ({ hidden: solution.at(t).item(), depth: t });
    return {
      input,
      curve: Array.from({ length: 61 }, (_, i) => at((depth * i) / 60)),
      evaluated: [...solution.ts.data()].map(at),
    };
  });
  const rows = Array.from({ length: 16 }, (_, k) => (depth * k) / 15);
  const field = rows.flatMap((t) => {
    const slopes = model.forward(tensor(t), column(grid)).data();
    return grid.map((hidden, i) => ({ hidden, depth: t, slope: slopes[i]! }));
  });
  return { title: "ODE network", paths, field };
}

/** Trains both networks and draws them. */
export async function main(
  args: readonly string[],
): Promise<{ losses: number[]; panels: Panel[]; svg: string }> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      steps: { type: "string", default: "2000" },
      out: { type: "string" },
      svg: { type: "string" },
    },
  });
  const residual = train(new ResidualNetwork(), Number(values.steps));
  const flow = train(new Flow(), Number(values.steps));
  const panels = [discrete(residual.model), continuous(flow.model)];
  const svg = figure(panels);
  if (values.svg !== undefined) await writeFile(values.svg, svg);
  if (values.out !== undefined) await writeFile(values.out, await png(svg));
  const losses = [residual.loss, flow.loss];
  console.log(
    `mean squared error: residual ${losses[0]!.toExponential(2)}, ODE ${losses[1]!.toExponential(2)}`,
  );
  return { losses, panels, svg };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(process.argv.slice(2));
