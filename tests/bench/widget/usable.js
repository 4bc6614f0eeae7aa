// Runs in a page before anything of its own, and says when its button can be used: it is visible, enabled, named as it should be, and
// somebody listens for a click on it or around it. Looked at once a frame, so that no layout is forced that would not have been.
// Wrapped and given `settings` in open.mjs; the name it gets there keeps it out of the script time.
(settings) => {
  if (window !== top) return;
  const name = new RegExp(settings.name);
  const heard = new WeakSet();
  let any = false;
  const hear = (target) => {
    // a listener on all of the document says nothing of this button
    if (!(target instanceof Node) || target === document) return;
    heard.add(target);
    any = true;
  };
  const { addEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (type, ...more) {
    if (type === "click") hear(this);
    return addEventListener.call(this, type, ...more);
  };
  const { get, set } = Object.getOwnPropertyDescriptor(HTMLElement.prototype, "onclick");
  Object.defineProperty(HTMLElement.prototype, "onclick", {
    get,
    set(handler) {
      if (typeof handler === "function") hear(this);
      set.call(this, handler);
    },
  });
  const found = { shift: 0 };
  Object.defineProperty(window, settings.place, { value: found });
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) found.shift += value;
  }).observe({ type: "layout-shift", buffered: true });

  function* within(root) {
    for (const element of root.querySelectorAll("*")) {
      if (element.matches(settings.control)) yield element;
      if (element.shadowRoot) yield* within(element.shadowRoot);
    }
  }
  // a card that is painted from markup alone, before its element is there, cannot be used
  const upgraded = ({ host }) => !host?.localName.includes("-") || host.matches(":defined");
  function handled(element) {
    let heardOf = false;
    for (let node = element; node; node = node.parentNode ?? node.host) {
      if (!upgraded(node)) return false;
      heardOf ||= heard.has(node);
    }
    return heardOf;
  }
  const enabled = (element) => !element.disabled && element.ariaDisabled !== "true";
  const usable = (element) => name.test((element.ariaLabel ?? element.textContent).trim()) && enabled(element) && handled(element)
    && element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && element.getBoundingClientRect().width > 0;
  const look = () => {
    const now = performance.now();
    // nothing is spent as long as nobody listens
    for (const element of any ? within(document) : []) {
      if (!usable(element)) continue;
      performance.mark(settings.place, { startTime: now });
      return void window[settings.report](now);
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
};
