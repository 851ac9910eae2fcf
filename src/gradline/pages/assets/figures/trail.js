// What figures draw of a whole path: its points from epoch 0 to 10⁹, computed once for each path.

import { sampledEpochs } from "../ui/scene.js";
import { onEpochAxis } from "./layout.js";

const trails = new WeakMap();

/**
 * The points of a path at `sampledEpochs`.
 * @param {object} path
 * @returns {object[]} As of `path.at`.
 */
export function trailOf(path) {
  if (!trails.has(path)) trails.set(path, sampledEpochs().map(path.at));
  return trails.get(path);
}

/**
 * Where the points of a trail stand on the axis of epochs.
 * @returns {number[]}
 */
export function trailEpochs() {
  return sampledEpochs().map(onEpochAxis);
}
