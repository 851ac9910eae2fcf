// What is left of an error after k steps of gradient descent with momentum, in closed form.
//
// One direction with curvature λ, rate lr and a = lr·λ: θ ← θ − lr·v, v ← μ·v + λ·(θ − θ*), v₀ = 0, as in
// torch.optim.SGD (dampening 0). The error obeys e(k+1) = (1 + μ − a)·e(k) − μ·e(k−1), e(0) = 1, e(1) = 1 − a, so
// it is a combination of powers of the roots of z² − (1 + μ − a)·z + μ. Polyak 1964; Goh 2017 (Distill).

/**
 * How an error shrinks in a right loop: `error(a, epoch)`, `bound(a, epoch)` and `logRate(a)` for a = lr·λ.
 * @param {number} momentum From 0 to 1.
 * @returns {{error: Function, bound: Function, logRate: Function}} See `errorAfter`, `errorBound`, `logRate`.
 */
export function heavyBall(momentum) {
  return {
    error: (a, epoch) => errorAfter(a, momentum, epoch),
    bound: (a, epoch) => errorBound(a, momentum, epoch),
    logRate: (a) => logRate(a, momentum),
  };
}

/**
 * The signed share of an error that is left after `epoch` updates.
 * @param {number} a lr·λ, 0 or more.
 * @param {number} momentum From 0 to 1.
 * @param {number} epoch A whole number from 0.
 * @returns {{left: number, covered: number, log: number}} left; covered = 1 − left with digits of its own where left is
 *   near 1; and log|left|, which is finite where an unstable direction has carried left itself beyond float64.
 */
export function errorAfter(a, momentum, epoch) {
  if (epoch === 0) return { left: 1, covered: 0, log: 0 };
  if (momentum === 0) return plainError(a, epoch);
  return rootGap(a, momentum) >= 0 ? steadyError(a, momentum, epoch) : swingingError(a, momentum, epoch);
}

/**
 * log|z| of the larger root: an error changes by its exponential per epoch in the long run (0: never).
 * @param {number} a lr·λ.
 * @param {number} momentum From 0 to 1.
 * @returns {number}
 */
export function logRate(a, momentum) {
  if (momentum === 0) return a < 1 ? Math.log1p(-a) : Math.log(a - 1);
  return rootGap(a, momentum) >= 0 ? logLargerRoot(a, momentum) : 0.5 * Math.log(momentum);
}

/**
 * A bound on the size of every later error that falls steadily: the amplitude where momentum swings.
 * @param {number} a lr·λ.
 * @param {number} momentum From 0 to 1.
 * @param {number} epoch A whole number from 0.
 * @returns {number}
 */
export function errorBound(a, momentum, epoch) {
  const gap = momentum === 0 ? 0 : rootGap(a, momentum);
  if (gap >= 0) return Math.abs(errorAfter(a, momentum, epoch).left);
  const tilt = (1 - momentum - a) / Math.sqrt(-gap);
  return momentum ** (epoch / 2) * Math.sqrt(1 + tilt * tilt);
}

// (1 − a)ᵏ through log1p and expm1, which keep full accuracy for tiny a and huge k.
function plainError(a, epoch) {
  const log = epoch * logRate(a, 0);
  const left = (a > 1 && epoch % 2 === 1 ? -1 : 1) * Math.exp(log);
  return { left, covered: left < 0 ? 1 - left : -Math.expm1(log), log };
}

// The discriminant (1 + μ − a)² − 4μ as a product, which does not cancel near the double roots.
function rootGap(a, momentum) {
  const root = Math.sqrt(momentum);
  return ((1 - root) ** 2 - a) * ((1 + root) ** 2 - a);
}

// h with z = ±√μ·exp(±h), for real roots.
function halfAngle(a, momentum) {
  return Math.asinh(Math.sqrt(rootGap(a, momentum)) / (2 * Math.sqrt(momentum)));
}

// 1 − z of the larger positive root, without cancellation where a is tiny.
function rootBelowOne(a, momentum) {
  return a === 0 ? 0 : (2 * a) / (1 - momentum + a + Math.sqrt(rootGap(a, momentum)));
}

// log|z| of the larger of two real roots: both are positive for a < 1 + μ, both negative above.
function logLargerRoot(a, momentum) {
  if (a < 1 + momentum) return Math.log1p(-rootBelowOne(a, momentum));
  return 0.5 * Math.log(momentum) + halfAngle(a, momentum);
}

// e(k) = z₁ᵏ·(1 − (a − δ)·G) with z₁ = 1 − δ the larger root and G = (1 − (z₂/z₁)ᵏ)/(z₁ − z₂), so that
// 1 − e(k) = (1 − z₁ᵏ) + z₁ᵏ·(a − δ)·G keeps its digits where a is tiny. Above a = 1 + μ both roots are negative:
// the same for (−1)ᵏ·e(k), whose roots are −z₁ and −z₂.
function steadyError(a, momentum, epoch) {
  const h = halfAngle(a, momentum);
  const positive = a < 1 + momentum;
  const powers = h < 1e-150 ? epoch : Math.expm1(-2 * epoch * h) / Math.expm1(-2 * h);
  const logRoot = logLargerRoot(a, momentum);
  const lead = positive ? a - rootBelowOne(a, momentum) : Math.exp(logRoot) - (a - 1);
  const share = (lead * powers * Math.exp(-h)) / Math.sqrt(momentum);
  const larger = Math.exp(epoch * logRoot);
  const left = (positive || epoch % 2 === 0 ? 1 : -1) * larger * (1 - share);
  const covered = positive ? -Math.expm1(epoch * logRoot) + larger * share : 1 - left;
  return { left, covered, log: epoch * logRoot + Math.log(Math.abs(1 - share)) };
}

// e(k) = μ^(k/2)·(cos kφ + t·sin kφ) for complex roots: the error swings inside a shrinking envelope. φ is measured
// from the nearer end of the real axis, where it is small near a double root.
function swingingError(a, momentum, epoch) {
  const root = Math.sqrt(-rootGap(a, momentum));
  const trace = 1 + momentum - a;
  const phi = Math.atan2(root, Math.abs(trace));
  const tilt = (trace < 0 ? a - 1 + momentum : 1 - momentum - a) / root;
  const swing = Math.cos(epoch * phi) + tilt * Math.sin(epoch * phi);
  const damping = momentum ** (epoch / 2);
  const left = (trace < 0 && epoch % 2 === 1 ? -1 : 1) * damping * swing;
  const log = 0.5 * epoch * Math.log(momentum);
  const unswung = 2 * Math.sin(0.5 * epoch * phi) ** 2 - tilt * Math.sin(epoch * phi);
  const covered = trace < 0 ? 1 - left : -Math.expm1(log) + damping * unswung;
  return { left, covered, log: log + Math.log(Math.abs(swing)) };
}
