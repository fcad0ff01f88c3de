// Makes elements. Texts become text nodes: nothing of a report is ever taken for markup.

/**
 * @param {string} tag
 * @param {Record<string, unknown>} given  attributes; `on...` are listeners, booleans set or leave out
 * @param {...(Node|string|null|false)} children
 */
export function make(tag, given = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== false));
  return element;
}

/** The one element that a selector finds below another. */
export const find = (selector, below = document) => below.querySelector(selector);

/** Shows or hides elements. */
export function show(visible, ...elements) {
  for (const element of elements) element.hidden = !visible;
}
