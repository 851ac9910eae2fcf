// Search from disk: a browser starts no worker for file:// pages, so the worker's script runs in a hidden frame.
"use strict";
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(address) {
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      // As with a worker, a message arrives later and as a copy.
      const later = (give) => (data) => setTimeout(give, 0, structuredClone(data));
      const give = later((data) => inside.dispatchEvent(new inside.MessageEvent("message", { data })));
      const waiting = [];
      const script = inside.document.createElement("script");
      this.postMessage = (data) => waiting.push(data);
      this.terminate = () => frame.remove();
      inside.postMessage = later((data) => this.onmessage?.(new MessageEvent("message", { data })));
      script.src = new URL(address, location.href);
      script.onload = () => {
        this.postMessage = give;
        waiting.forEach((data) => give(data));
      };
      script.onerror = () => this.onerror?.(new Event("error", { cancelable: true }));
      inside.document.body.append(script);
    }
  };
}
