// Before Plotly: it sets style attributes as text, which the page's policy forbids; the same through the object model
// is allowed.
(() => {
  const setAttribute = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else setAttribute.call(this, name, value);
  };
})();
