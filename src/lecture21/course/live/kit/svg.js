// Nodes of SVG, made once and changed where they stay.

const SPACE = "http://www.w3.org/2000/svg";

/** @typedef {[string, Record<string, string | number>, string?]} Part  name, attributes and text of a node */

/**
 * Create a node.
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function shape(name, attributes = {}, ...children) {
  const node = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return /** @type {SVGElement} */ (node);
}

/**
 * Let a group have these nodes, and return them. A node that has the right name stays, with its other attributes.
 * @param {SVGElement} group
 * @param {Part[]} parts
 */
export function fill(group, parts) {
  const nodes = parts.map(([name, attributes, text = ""], i) => {
    const there = group.children[i];
    if (!there || there.localName !== name) {
      const made = shape(name, attributes, ...(text ? [text] : []));
      if (there) there.replaceWith(made);
      else group.append(made);
      return made;
    }
    for (const [key, value] of Object.entries(attributes)) {
      if (there.getAttribute(key) !== String(value)) there.setAttribute(key, String(value));
    }
    if (there.textContent !== text) there.textContent = text;
    return /** @type {SVGElement} */ (there);
  });
  while (group.children.length > parts.length) group.lastChild?.remove();
  return nodes;
}
