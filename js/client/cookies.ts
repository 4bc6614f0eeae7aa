// Passes that come as cookies, where the platform keeps none: those of Farthing's own names, and no others.

/** A pass for an article or what is wider, and the reader's handle, which brings passes back. */
const OURS = /^(__Secure-farthing(-[a-z0-9-]{1,24})?|__Host-farthing)$/;

export interface Cookie {
  name: string;
  value: string;
  path: string;
  /** Milliseconds. */
  until: number;
}

/** Reads `Set-Cookie` headers: what they set, and with an end that has passed what they take away. */
export function read(headers: Headers, now: number): Cookie[] {
  return (headers.getSetCookie?.() ?? []).flatMap((line) => {
    const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
    const at = pair.indexOf("=");
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    const of = (wanted: string) => attributes.find((one) => one.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
    const seconds = Number(of("max-age"));
    if (!OURS.test(name) || !/^[\w.-]{0,512}$/.test(value) || !Number.isInteger(seconds)) return [];
    return [{ name, value, path: of("path") ?? "/", until: now + seconds * 1000 }];
  });
}

/** The old ones with the new in their places, without what is over. */
export const joined = (old: Cookie[], fresh: Cookie[], now: number): Cookie[] =>
  [...old.filter((one) => !fresh.some(({ name, path }) => name === one.name && path === one.path)), ...fresh].filter(({ until }) => until > now);

/** The `Cookie` header for an address, longest path first; empty where there is none. */
export function header(cookies: Cookie[], url: string, now: number): string {
  const { protocol, hostname, pathname } = new URL(url);
  if (protocol !== "https:" && !/^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)) return "";
  const within = (path: string) => pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
  return cookies
    .filter(({ path, until }) => until > now && within(path))
    .sort((a, b) => b.path.length - a.path.length)
    .map(({ name, value }) => `${name}=${value}`)
    .join("; ");
}
