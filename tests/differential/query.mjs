/** The parameters of a query string as URLSearchParams sees them: pairs of name and value. */
export function formOf(text) {
  // A "?" in front would be taken off, an empty piece does not count. Node garbles characters beyond
  // ASCII beside escapes that are no UTF-8, so they are escaped too, which means the same.
  return [...new URLSearchParams("&" + text.replace(/[^\0-\x7f]+/gu, encodeURIComponent))];
}
