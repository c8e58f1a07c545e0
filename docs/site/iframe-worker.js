// Search for pages that are opened from a disk. A browser starts no worker for a page of the kind file://, so the search's
// worker runs in a hidden frame instead. The theme looks for a class of this name.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      frame.hear = (data) => {
        const heard = new MessageEvent("message", { data });
        this.dispatchEvent(heard);
        if (this.onmessage) this.onmessage(heard);
      };
      frame.contentDocument.write(`<!doctype html><body><script>
        self.postMessage = (data) => setTimeout(() => frameElement.hear(data));
        self.importScripts = (...urls) => urls.reduce((last, url) => last.then(() => new Promise((resolve) => {
          const script = document.createElement("script");
          script.src = url;
          script.onload = resolve;
          document.body.append(script);
        })), Promise.resolve());
      <\/script><script src="${url}"><\/script>`);
      this.ready = new Promise((resolve) => frame.contentWindow.addEventListener("load", resolve));
      this.tell = (data) => frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
      frame.contentDocument.close();
    }

    postMessage(data) {
      this.ready.then(() => setTimeout(() => this.tell(data)));
    }

    terminate() {}
  };
  window.Worker = window.IFrameWorker;
}
