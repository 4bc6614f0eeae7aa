// Types of `farthing/worker`. They lean on no other package: whatever types the platform has fit in.

/** What answers in a Worker: the router or function that makes your pages. */
export type Handler<Env = any> = (request: Request, env: Env, ctx: any) => Response | Promise<Response>;

/** An object with a `fetch` like that: a Hono application, an itty-router, a default export. */
export interface HasFetch {
  fetch(request: Request, ...more: any[]): Response | Promise<Response>;
}

/** What a Worker with a paywall needs around it, as `farthing init` writes it into wrangler.jsonc. */
export interface PaywallEnv {
  /** The Durable Objects `Ledger`, `Sender` and `Tally`, which this module exports. */
  LEDGER: unknown;
  SENDER: unknown;
  TALLY: unknown;
  /** Files of the reader's card: `node_modules/farthing/dist/worker/assets`, or a copy of it among your own. */
  ASSETS?: unknown;
  /** D1, where the books are kept; without it there are none. */
  BOOKS?: unknown;
  /** A data set of Analytics Engine; without it no figures are gathered. */
  METRICS?: unknown;
  /** The secret: `kid:base64url,…`, 32 bytes or more each. */
  FARTHING_KEYS: string;
  /** Replaces the config, as text. */
  FARTHING_CONFIG?: string;
}

/** The Worker: `export default` it. */
export interface PaywallWorker {
  fetch(request: Request, env: any, ctx: any): Promise<Response>;
  /** Looks after payments whose alarm was lost; call it from your own if you have one. */
  scheduled(controller: any, env: any, ctx: any): Promise<void>;
}

/**
 * The paywall for a config, an object or the text of farthing.jsonc, before the origin that it names.
 *
 * Called once in a Worker, when its module is run. Mistakes in the config are told by `farthing check` and at /.farthing/health;
 * until they are mended every page answers 503.
 */
export function paywall(config: string | Config): PaywallWorker;

/**
 * The paywall before `handler`, which answers what is free, and what is paid for once it can be delivered.
 *
 * `origin` of the config is "handler", and may be left out of an object. The handler gets the request of a priced page under its
 * canonical URL, without payment headers; only an answer with status 200 is charged for.
 */
export function paywall(config: string | (Omit<Config, "origin"> & { origin?: "handler" }), handler: Handler | HasFetch): PaywallWorker;

/** Durable Object class of a payer's ledger: export it beside the default, so that wrangler finds it. */
export const Ledger: new (ctx: any, env: any) => any;
/** Durable Object class of a gas key: export it as well. */
export const Sender: new (ctx: any, env: any) => any;
/** Durable Object class of what is given away: export it too. */
export const Tally: new (ctx: any, env: any) => any;
