import js from "@eslint/js";
import globals from "globals";

const known = (names) => Object.fromEntries(names.map((name) => [name, "readonly"]));

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, globals: { ...globals.browser } },
    rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error", "no-unused-vars": ["error", { argsIgnorePattern: "^_" }] },
  },
  {
    files: ["**/book/_static/*.js"], // classic scripts, which know each other by global names
    languageOptions: {
      sourceType: "script",
      globals: known(["presentBeside", "presentFit", "speakersNotes", "SEARCH_TEXTS", "MiniSearch"]),
    },
  },
];
