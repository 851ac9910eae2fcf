// Parts that are brought up to date at each change while they can be seen, else when asked to: at rest, or for paper.

/**
 * A part that is shown when it comes in sight.
 * @param {{root: HTMLElement, show: (scene: object) => void}} part
 * @param {string} [rootMargin] How far out of sight it is brought up to date too, so that scrolling meets it ready.
 * @returns {{root: HTMLElement, show: (scene: object) => void, drawNow: () => void}}
 */
export function whenSeen({ root, show }, rootMargin = "0px") {
  const last = { scene: null, isSeen: false, isDue: false };
  const drawNow = () => {
    if (!last.scene || !last.isDue) return;
    last.isDue = false;
    show(last.scene);
  };
  const observer = new IntersectionObserver(
    (entries) => {
      last.isSeen = entries.at(-1).isIntersecting; // the newest
      if (last.isSeen) drawNow();
    },
    { rootMargin },
  );
  observer.observe(root);
  return {
    root,
    show: (scene) => {
      Object.assign(last, { scene, isDue: true });
      if (last.isSeen) drawNow();
    },
    drawNow,
  };
}
