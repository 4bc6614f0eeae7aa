// Where the config text comes from: the file beside the Worker, or a variable that replaces it.

import bundled from "./farthing.jsonc";

export const configText = (env) => env.FARTHING_CONFIG ?? bundled;
