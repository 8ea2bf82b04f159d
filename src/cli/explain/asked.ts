/** @file What a command line asks of explanations: methods, classes, and options that go together. */
import { complaint } from "../../base/errors.ts";
import { checkChoice } from "../../base/options.ts";
import { nearNames } from "../../index.ts";
import {
  type ColourMapName,
  type Explainer,
  type ExplainOptions,
  type Score,
  type Upsampling,
  methods as registry,
} from "../../explain/index.ts";
import { UsageError } from "../errors.ts";
import type { NetworkInUse } from "../model/network.ts";

/** What the options of the command line say of every image. */
export interface Asked {
  readonly layer: string | undefined;
  /** Numbers or names; none: the top prediction of each image. */
  readonly classes: readonly string[];
  /** Names; none: gradCam. */
  readonly methods: readonly string[];
  readonly score: Score | undefined;
  readonly relu: boolean;
  readonly upsample: Upsampling | undefined;
  readonly colourMap: ColourMapName | undefined;
  readonly top: number;
  readonly judge: boolean;
  /** Whether everything shall be as the program GradCAM-Keras has it. */
  readonly isOriginal: boolean;
  readonly seed: number;
}

/** Its choice of formula is the gradient of the probability, negative values and all. */
export function explainOptions({ layer, score, relu, isOriginal }: Asked): ExplainOptions {
  return {
    layer,
    score: score ?? (isOriginal ? "probability" : undefined),
    relu: !relu || isOriginal ? false : undefined,
  };
}

/** The methods of these names, however they are written: gradCam, grad-cam, Grad-CAM++. Throws UsageError naming the nearest. */
export function chooseMethods(names: readonly string[]): Explainer[] {
  const plain = (name: string): string =>
    name.replaceAll("+", "plus").replaceAll(/\W|_/g, "").toLowerCase();
  const all: Readonly<Record<string, Explainer>> = registry as Record<string, Explainer>;
  const known = Object.keys(all);
  const chosen = (names.length === 0 ? ["gradCam"] : names).map((name) => {
    const found = known.find((own) => plain(own) === plain(name)) ?? name;
    checkChoice("--method", found, known, UsageError);
    return all[found]!;
  });
  return [...new Set(chosen)];
}

/** The classes of these numbers or names. Throws UsageError naming the nearest. */
export function chooseClasses(
  wanted: readonly string[],
  { title, classNames, classCount }: NetworkInUse,
): number[] {
  const refuse = (expected: string, got: string, hint?: string): never => {
    throw new UsageError(complaint("--class", expected, got, hint));
  };
  return wanted.map((text) => {
    if (/^\d+$/.test(text))
      return Number(text) < classCount
        ? Number(text)
        : refuse(`a class from 0 to ${classCount - 1}`, text);
    if (classNames === undefined)
      return refuse(
        "the number of a class",
        `"${text}"`,
        `The classes of ${title} have no names; --classes FILE gives them some.`,
      );
    const plain = (one: string): string => one.replaceAll(/[\s_]+/g, " ").toLowerCase();
    const found = classNames.flatMap((one, index) => (plain(one) === plain(text) ? [index] : []));
    if (found.length > 1)
      refuse("the number of a class", `"${text}", which is the name of ${found.join(" and ")}`);
    const near = (): string => `Most like it: ${nearNames(text, classNames).join(", ")}`;
    return found[0] ?? refuse("the name or number of a class", `"${text}"`, near());
  });
}

/** Throws UsageError for unknown methods, and for flags that contradict one another. */
export function checkAsked(asked: Asked, overlay: string | undefined): void {
  const { layer, classes, isOriginal, upsample, colourMap } = asked;
  const methods = chooseMethods(asked.methods).map(({ method }) => method);
  const maps = methods.length * Math.max(classes.length, 1);
  if (layer !== undefined && methods.every(({ at }) => at === "image"))
    throw new UsageError(
      `--layer: expected a method that looks at a layer, got ${methods.map(({ name }) => name).join(", ")}`,
    );
  if (overlay !== undefined && maps > 1)
    throw new UsageError(`--overlay: expected one method and one class, got ${maps} maps to show`);
  if (isOriginal && maps > 1)
    throw new UsageError(`--preset original: expected one method and one class, got ${maps} maps`);
  if (isOriginal && methods[0]!.at === "image")
    throw new UsageError(
      `--preset original: expected a method that looks at a layer, got ${methods[0]!.name}`,
    );
  if (isOriginal && (upsample !== undefined || colourMap !== undefined))
    throw new UsageError(
      "--preset original: expected no --upsample and no --colours, which it decides itself",
    );
}
